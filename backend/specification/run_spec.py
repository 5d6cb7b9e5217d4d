"""RunSpec: everything a single run is a function of.

A knob that does not apply has its field's default: None, or the one value that it then has.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from backend.specification import features, layers
from backend.specification.criteria import STOPPING_CRITERIA
from backend.specification.families import FAMILIES
from backend.specification.losses import LOSSES
from backend.specification.optimizers import OPTIMIZERS
from backend.specification.registry import NameIn
from backend.specification.schedules import SCHEDULES
from backend.specification.sources import SOURCES

SourceName = Annotated[str, NameIn(SOURCES)]
FamilyName = Annotated[str, NameIn(FAMILIES)]
OptimizerName = Annotated[str, NameIn(OPTIMIZERS)]
ScheduleName = Annotated[str, NameIn(SCHEDULES)]
LossName = Annotated[str, NameIn(LOSSES)]
CriterionName = Annotated[str, NameIn(STOPPING_CRITERIA)]
Activation = Literal["relu", "tanh", "gelu", "sigmoid", "linear"]
Normalisation = Literal["none", "batch", "layer"]

Samples = Annotated[int, Field(ge=1, le=100_000)]
Noise = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]
Layers = Annotated[
    str, AfterValidator(layers.canonical), WithJsonSchema({"accepted": layers.ACCEPTED})
]
Features = Annotated[
    str, AfterValidator(features.canonical), WithJsonSchema({"accepted": features.ACCEPTED})
]


class Section(BaseModel):
    """A part of the specification: strict types, no unknown fields, no NaN, never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Dataset(Section):
    """What is learnt from."""

    source: SourceName = Field(description="Where the data comes from.")
    n_train: Samples = Field(description="Samples the model is fitted on.")
    n_validation: Samples = Field(description="Samples that decide when to stop.")
    n_test: Samples = Field(description="Samples that are only reported on.")
    n_features: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None,
        description="Inputs of each sample (generated data). Those beyond what the source needs "
        "are noise; of a line, each carries a part.",
    )
    input_noise: Noise = Field(
        description="Standard deviation of Gaussian noise added to the inputs of every part."
    )
    target_noise: Noise | None = Field(
        None, description="Standard deviation of the noise in the targets (regression)."
    )
    label_noise: Share | None = Field(
        None, description="Share of training labels replaced by a wrong class (classification)."
    )


class Model(Section):
    """What is fitted."""

    family: FamilyName = Field(description="Kind of model.")
    features: Features = Field(
        features.ALL,
        description="What the model sees of the inputs x1, x2, ...: all of them as they are, or "
        "some, their powers, products and waves (mlp, random_features).",
    )
    degree: Annotated[int, Field(ge=0, le=20)] | None = Field(
        None, description="Highest power of the inputs (polynomial)."
    )
    depth: Annotated[int, Field(ge=0, le=8)] | None = Field(
        None,
        description="Hidden layers; 0 is a single-layer network (mlp). Convolutions, each "
        "halving the image (cnn).",
    )
    width: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="Neurons in each hidden layer (mlp), or number of random features."
    )
    layers: Layers | None = Field(
        None,
        description="Neurons of each hidden layer where they differ, from the inputs to the "
        "outputs; instead of depth and width (mlp).",
    )
    channels: Annotated[int, Field(ge=1, le=512)] | None = Field(
        None, description="Channels of each convolution (cnn)."
    )
    activation: Activation | None = Field(
        None,
        description="Non-linearity of each hidden neuron; with linear there is none (mlp, cnn).",
    )
    normalisation: Normalisation | None = Field(
        None, description="Keeps each neuron's input in range, over the batch or the layer (mlp)."
    )
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="Share of hidden neurons silenced at each step (mlp)."
    )

    @property
    def hidden(self) -> list[int]:
        """The neurons of each hidden layer of an mlp, the channels of each convolution of a cnn."""
        if self.family == "cnn":
            return [self.channels or 0] * (self.depth or 0)
        return layers.hidden({f"model.{name}": value for name, value in self})


class Training(Section):
    """How it is fitted."""

    epochs: Annotated[int, Field(ge=1, le=100_000)] = Field(
        1, description="Passes over the training set."
    )
    batch_size: Samples | None = Field(
        None, description="Samples per optimiser step; the whole training set, if that is smaller."
    )
    optimizer: OptimizerName = Field(
        "closed_form",
        description="Rule that changes the weights; closed_form solves for the best at once "
        "(polynomial, random_features).",
    )
    learning_rate: Annotated[float, Field(gt=0, le=10)] | None = Field(
        None, description="Size of a step."
    )
    momentum: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="Share of the last step kept (sgd)."
    )
    schedule: ScheduleName | None = Field(
        None, description="How the learning rate changes over the epochs; cosine ends near 0."
    )
    schedule_every: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        None, description="Epochs between two changes of the learning rate (schedule step)."
    )
    schedule_factor: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="What each change multiplies the learning rate by (schedule step)."
    )
    weight_decay: Annotated[float, Field(ge=0, le=100)] = Field(
        description="Pull of the weights towards zero; of closed_form, the ridge penalty."
    )
    l1_penalty: Annotated[float, Field(ge=0, le=100)] = Field(
        0.0,
        description="Constant pull of every weight towards zero, whatever its size (L1), where "
        "weight_decay pulls in proportion to it (L2).",
    )
    loss: LossName = Field("mse", description="What is made small; mse is the mean squared error.")
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="Share of each label spread over all classes (loss cross_entropy)."
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(
        description="Fixes the training and validation data, the initial weights and the batches; "
        "the test data are the same for all seeds."
    )


class EarlyStopping(Section):
    """When training should have ended, and whether it does end there."""

    criterion: CriterionName = Field(
        description="Rule that fires: patience, or Prechelt's generalisation loss, progress "
        "quotient or successive rises."
    )
    patience: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        None, description="Epochs without a better validation loss before the rule fires."
    )
    min_delta: Annotated[float, Field(ge=0, le=1e9)] | None = Field(
        None, description="Smallest fall of the validation loss that counts as better."
    )
    start_from_epoch: Annotated[int, Field(ge=0, le=100_000)] | None = Field(
        None, description="Epochs to wait before the rule looks."
    )
    alpha: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        None,
        description="What fires when exceeded: percent above the best validation loss (gl), or "
        "that over the progress of training (pq).",
    )
    strip: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="Epochs in a strip, at whose ends the rule looks (pq, up)."
    )
    strips: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="Strips in succession over which validation loss rises (up)."
    )
    action: Literal["flag", "stop"] = Field(
        "flag", description="flag: train on and mark the epoch; stop: end the run there."
    )

    def settings(self) -> dict[str, Any]:
        """Return the knobs of the criterion, by their names."""
        return self.model_dump(exclude={"criterion", "action"}, exclude_none=True)


class RunSpec(Section):
    """One run's whole specification."""

    dataset: Dataset
    model: Model
    training: Training
    early_stopping: EarlyStopping

    def params(self) -> dict[str, Any]:
        """Return the specification flat, ``{"model.width": 8, ...}``, without what is None."""
        return {
            f"{section}.{name}": value
            for section, fields in self.model_dump().items()
            for name, value in fields.items()
            if value is not None
        }

    @classmethod
    def from_params(cls, params: dict[str, Any]) -> "RunSpec":
        """Return the RunSpec that `params` flattened."""
        nested: dict[str, dict[str, Any]] = {}
        for path, value in params.items():
            section, name = path.split(".", 1)
            nested.setdefault(section, {})[name] = value
        return cls.model_validate(nested)
