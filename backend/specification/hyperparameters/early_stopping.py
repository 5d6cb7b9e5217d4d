"""Hyperparameters of early stopping: the section `early_stopping` of a specification."""

from typing import Annotated

from pydantic import Field

from backend.specification.hyperparameters.declaration import (
    Hyperparameter,
    NamedChoice,
    Role,
    Section,
)
from backend.specification.stopping_criteria import STOPPING_CRITERIA

StripCount = Annotated[int, Field(ge=1, le=1000)]


def _criteria_with(name: str) -> list[str]:
    return [key for key, criterion in STOPPING_CRITERIA.items() if name in criterion.defaults]


CRITERION = Hyperparameter(
    "early_stopping", "criterion",
    label="criterion",
    help="Rule that decides when to stop: patience, or one of Prechelt's (1998) criteria: "
    "generalisation loss, progress quotient or successive rises.",
    why="The moment to stop, or at least to keep a snapshot: when validation loss has stopped "
    "falling.",
    role=Role.EARLY_STOPPING,
    choices=STOPPING_CRITERIA,
    default="patience",
)  # fmt: skip
PATIENCE = Hyperparameter(
    "early_stopping", "patience",
    label="patience",
    help="Number of epochs without a better validation loss after which the criterion fires. "
    "0, the default of Keras, fires at the first such epoch, as 1 does.",
    why="Validation loss is noisy: too little patience stops at a chance rise, too much trains on "
    "into overfitting.",
    role=Role.EARLY_STOPPING,
    accepts=Annotated[int, Field(ge=0, le=100_000)],
    when={CRITERION: _criteria_with("patience")},
)  # fmt: skip
MIN_DELTA = Hyperparameter(
    "early_stopping", "min_delta",
    label="smallest improvement",
    help="Smallest fall of the validation loss that counts as an improvement.",
    why="A fall smaller than the noise is not progress: with this setting it does not restart the "
    "patience.",
    role=Role.EARLY_STOPPING,
    accepts=Annotated[float, Field(ge=0, le=1e9)],
    when={CRITERION: _criteria_with("min_delta")},
    advanced=True,
)  # fmt: skip
START_FROM_EPOCH = Hyperparameter(
    "early_stopping", "start_from_epoch",
    label="epochs to wait first",
    help="Number of epochs before the criterion is first evaluated.",
    why="Some losses rise before they fall: the first epochs need not count.",
    role=Role.EARLY_STOPPING,
    accepts=Annotated[int, Field(ge=0, le=100_000)],
    when={CRITERION: _criteria_with("start_from_epoch")},
    advanced=True,
)  # fmt: skip
ALPHA = Hyperparameter(
    "early_stopping", "alpha",
    label="threshold alpha",
    help="Threshold above which the criterion fires: the percentage by which validation loss lies "
    "above its best value. For the progress quotient, this percentage divided by the progress of "
    "training.",
    why="How far above its best the validation loss may rise before it counts as overfitting: "
    "small stops early, large is sure.",
    role=Role.EARLY_STOPPING,
    accepts=Annotated[float, Field(gt=0, le=1e6)],
    when={CRITERION: _criteria_with("alpha")},
)  # fmt: skip
STRIP = Hyperparameter(
    "early_stopping", "strip",
    label="epochs in a strip",
    help="Number of epochs in a strip. The criterion is evaluated at the end of each strip.",
    why="Comparing strips of epochs rather than single ones lets noise average out.",
    role=Role.EARLY_STOPPING,
    accepts=StripCount,
    when={CRITERION: _criteria_with("strip")},
)  # fmt: skip
STRIPS = Hyperparameter(
    "early_stopping", "strips",
    label="strips that rise",
    help="Number of strips in succession over which validation loss has to rise.",
    why="The more rises in succession, the less they are due to chance, and the later the "
    "criterion fires.",
    role=Role.EARLY_STOPPING,
    accepts=StripCount,
    when={CRITERION: _criteria_with("strips")},
)  # fmt: skip
ACTION = Hyperparameter(
    "early_stopping", "action",
    label="when it fires",
    help="Action taken when the criterion fires: mark the epoch and train on, or end the run.",
    why="Marking shows what stopping would have cost or saved; ending the run saves the epochs.",
    role=Role.EARLY_STOPPING,
    choices={
        "flag": NamedChoice(
            "Mark, train on", "Training goes on; the epoch is marked on the charts."
        ),
        "stop": NamedChoice("End the run", "The run ends at that epoch."),
    },
    default="flag",
)  # fmt: skip


class EarlyStopping(Section):
    """The rule for early stopping of a run, and whether training really ends where it fires."""

    heading = "Early stopping"

    criterion: Annotated[str, CRITERION]
    patience: Annotated[int | None, PATIENCE] = None
    min_delta: Annotated[float | None, MIN_DELTA] = None
    start_from_epoch: Annotated[int | None, START_FROM_EPOCH] = None
    alpha: Annotated[float | None, ALPHA] = None
    strip: Annotated[int | None, STRIP] = None
    strips: Annotated[int | None, STRIPS] = None
    action: Annotated[str, ACTION] = "flag"

    def settings(self) -> dict[str, float]:
        """Return the settings of the criterion by name."""
        return self.model_dump(exclude={"criterion", "action"}, exclude_none=True)
