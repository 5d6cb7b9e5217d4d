"""Hyperparameters of the data: the section `dataset` of a specification."""

from typing import Annotated

from pydantic import Field

from backend.specification.data_sources import SOURCES
from backend.specification.hyperparameters.declaration import Hyperparameter, Role, Section

SampleCount = Annotated[int, Field(ge=1, le=100_000)]
StandardDeviation = Annotated[float, Field(ge=0, le=100)]


def _sources_for(problem: str) -> list[str]:
    return [name for name, source in SOURCES.items() if source.problem == problem]


SOURCE = Hyperparameter(
    "dataset", "source",
    label="data set",
    help="Where the data comes from.",
    why="Overfitting can be seen on any data. It appears soonest on small and noisy data sets, "
    "and data sets with one or two inputs show it as a picture.",
    role=Role.TASK,
    choices=SOURCES,
)  # fmt: skip
N_TRAIN = Hyperparameter(
    "dataset", "n_train",
    label="train samples",
    help="Samples that the model is fitted on.",
    why="Too little data is the first cause of overfitting: a model can learn a few samples by "
    "heart. More data is also the surest cure. The number of samples has to balance the number of "
    "parameters.",
    role=Role.DATA,
    accepts=SampleCount,
)  # fmt: skip
N_VALIDATION = Hyperparameter(
    "dataset", "n_validation",
    label="validation samples",
    help="Samples that decide when to stop.",
    why="The model is never fitted on these samples. When their loss stops falling while train "
    "loss still falls, training should stop.",
    role=Role.EVALUATION,
    accepts=SampleCount,
)  # fmt: skip
N_TEST = Hyperparameter(
    "dataset", "n_test",
    label="test samples",
    help="Samples that are used only to report the final result.",
    why="A model that was chosen by its validation loss looks better there than it is. The test "
    "samples decide nothing, so their loss is an honest report.",
    role=Role.EVALUATION,
    accepts=SampleCount,
)  # fmt: skip
N_FEATURES = Hyperparameter(
    "dataset", "n_features",
    label="inputs",
    help="Number of inputs of each sample. Inputs beyond those that the data set needs are noise; "
    "in the data set Line, every input carries a part of the value.",
    why="Inputs that say nothing are chances to find a pattern in noise: the more of them there "
    "are, the sooner the same samples are learnt by heart.",
    role=Role.TASK,
    accepts=Annotated[int, Field(ge=1, le=1000)],
    when={SOURCE: [name for name, source in SOURCES.items() if source.rows is None]},
    advanced=True,
)  # fmt: skip
INPUT_NOISE = Hyperparameter(
    "dataset", "input_noise",
    label="input noise",
    help="Standard deviation of the Gaussian noise that is added to the inputs of all samples.",
    why="Too much noise in the inputs is a cause of overfitting: a powerful model learns the noise "
    "of its samples, which other samples do not share (variance error).",
    role=Role.NOISE,
    accepts=StandardDeviation,
    default=0.0,
    slider_end=0.5,
)  # fmt: skip
TARGET_NOISE = Hyperparameter(
    "dataset", "target_noise",
    label="target noise",
    help="Standard deviation of the noise in the targets.",
    why="No model gets below the noise of the targets on new samples. A train loss below it is "
    "noise learnt by heart.",
    role=Role.NOISE,
    accepts=StandardDeviation,
    default=0.0,
    when={SOURCE: _sources_for("regression")},
    slider_end=1.0,
)  # fmt: skip
LABEL_NOISE = Hyperparameter(
    "dataset", "label_noise",
    label="label noise",
    help="Fraction of the training labels that are replaced by a wrong class.",
    why="Wrong labels can only be memorised. A model with room for them first learns the pattern, "
    "then the mistakes: stop in between.",
    role=Role.NOISE,
    accepts=Annotated[float, Field(ge=0, le=1)],
    default=0.0,
    when={SOURCE: _sources_for("classification")},
    slider_end=0.5,
)  # fmt: skip


class Dataset(Section):
    """The data of a run."""

    heading = "Data"

    source: Annotated[str, SOURCE]
    n_train: Annotated[int, N_TRAIN]
    n_validation: Annotated[int, N_VALIDATION]
    n_test: Annotated[int, N_TEST]
    n_features: Annotated[int | None, N_FEATURES] = None
    input_noise: Annotated[float, INPUT_NOISE]
    target_noise: Annotated[float | None, TARGET_NOISE] = None
    label_noise: Annotated[float | None, LABEL_NOISE] = None

    @property
    def input_count(self) -> int:
        """The number of inputs of each sample."""
        return self.n_features or SOURCES[self.source].features

    @property
    def output_count(self) -> int:
        """The number of outputs of a model: classes, or regressed values."""
        return SOURCES[self.source].outputs

    @property
    def drawable(self) -> bool:
        """True if a fit can be drawn: values over 1 or 2 inputs, or 2 classes over 2 inputs."""
        if SOURCES[self.source].problem == "regression":
            return self.input_count in (1, 2)
        return self.input_count == self.output_count == 2
