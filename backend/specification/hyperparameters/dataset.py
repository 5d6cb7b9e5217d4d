"""Hyperparameters of the data: the section `dataset` of a specification."""

from typing import Annotated

from pydantic import Field, WithJsonSchema

from backend.specification.data_sources import (
    CLASSIFICATION,
    GENERATED_ONLY,
    REGRESSION,
    SOURCES,
    TABLES,
)
from backend.specification.hyperparameters.declaration import (
    Hyperparameter,
    NamedChoice,
    Role,
    Section,
)

SampleCount = Annotated[int, Field(ge=1, le=10_000_000)]
StandardDeviation = Annotated[float, Field(ge=0, le=100)]
ColumnName = Annotated[
    str,
    Field(min_length=1, max_length=200),
    WithJsonSchema({"accepted": "the name of a column"}),
]

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
    when={SOURCE: GENERATED_ONLY},
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
    when={SOURCE: REGRESSION},
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
    when={SOURCE: CLASSIFICATION},
    slider_end=0.5,
)  # fmt: skip
SPLIT = Hyperparameter(
    "dataset", "split",
    label="split",
    help="How the rows of a table are divided into training, validation and test part.",
    why="A loss on rows that are too much like the training rows hides overfitting. Rows that "
    "belong together have to stay in one part, and a forecast has to be tested on later rows.",
    role=Role.TASK,
    choices={
        "stratified": NamedChoice("Stratified", "Every part has the same mix of target values."),
        "random": NamedChoice("Random", "Every row is drawn alike."),
        "grouped": NamedChoice("Grouped", "Rows with the same value of a column stay together."),
        "ordered": NamedChoice("Ordered in time", "Test rows come last, training rows first."),
    },
    default="stratified",
    when={SOURCE: TABLES},
)  # fmt: skip
SPLIT_BY = Hyperparameter(
    "dataset", "split_by",
    label="split column",
    help="The column that names the group of a row, or orders the rows in time. It is not an "
    "input.",
    why="Rows of one person, or of one day, are alike: in two parts they give the answer away.",
    role=Role.TASK,
    accepts=ColumnName,
    when={SOURCE: TABLES, SPLIT: ["grouped", "ordered"]},
)  # fmt: skip
ENCODING = Hyperparameter(
    "dataset", "encoding",
    label="categories",
    help="How a column of categories becomes inputs. It is fitted on the training part.",
    why="One input per category is more parameters in the first layer, and rare categories are "
    "learnt by heart.",
    role=Role.TASK,
    choices={
        "one_hot": NamedChoice(
            "One input each", "The 20 most frequent categories of the training part, and a rest."
        ),
        "rank": NamedChoice("One number", "The rank of the category by its frequency."),
    },
    default="one_hot",
    when={SOURCE: TABLES},
    advanced=True,
)  # fmt: skip
MISSING = Hyperparameter(
    "dataset", "missing",
    label="missing values",
    help="How an empty cell of a column of numbers is filled. It is fitted on the training part.",
    why="That a value is missing can itself say something, or be noise to learn by heart.",
    role=Role.TASK,
    choices={
        "flag": NamedChoice("Mean and flag", "The training mean, and an input that marks it."),
        "mean": NamedChoice("Mean", "The training mean."),
        "median": NamedChoice("Median", "The training median."),
    },
    default="flag",
    when={SOURCE: TABLES},
    advanced=True,
)  # fmt: skip
SCALING = Hyperparameter(
    "dataset", "scaling",
    label="scaling of inputs",
    help="Whether each input has mean 0 and standard deviation 1 in the training part.",
    why="Inputs of different size are learnt at different speed; large ones are overfitted first.",
    role=Role.TASK,
    choices={
        "standard": NamedChoice("Standardised"),
        "none": NamedChoice("Unchanged"),
    },
    default="standard",
    when={SOURCE: TABLES},
    advanced=True,
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
    split: Annotated[str | None, SPLIT] = None
    split_by: Annotated[str | None, SPLIT_BY] = None
    encoding: Annotated[str | None, ENCODING] = None
    missing: Annotated[str | None, MISSING] = None
    scaling: Annotated[str | None, SCALING] = None

    @property
    def input_count(self) -> int:
        """The number of inputs of each sample."""
        source = SOURCES[self.source]
        if source.table is not None:
            return source.table.input_count(self.encoding, self.missing, self.split_by)
        return self.n_features or source.features

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
