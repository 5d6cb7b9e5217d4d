"""Hyperparameters of the model: the section `model` of a specification."""

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from backend.specification import notation
from backend.specification.families import FAMILIES
from backend.specification.hyperparameters.declaration import (
    Hyperparameter,
    NamedChoice,
    Role,
    Section,
    takers,
)

MAX_DEPTH = 8
WITH_HIDDEN_LAYERS = (None, *range(1, MAX_DEPTH + 1))
"""Values of depth; None where layers are listed one by one, or the family has no depth."""

FeatureList = Annotated[
    str,
    AfterValidator(notation.canonical_features),
    WithJsonSchema({"accepted": notation.FEATURES_ACCEPTED}),
]
LayerList = Annotated[
    str,
    AfterValidator(notation.canonical_layers),
    WithJsonSchema({"accepted": notation.LAYERS_ACCEPTED}),
]

FAMILY = Hyperparameter(
    "model", "family",
    label="kind of model",
    help="The family of models that is fitted.",
    why="The richness of a model is its number of parameters. Too few cannot follow the pattern "
    "(bias error), too many follow the sample (variance error).",
    role=Role.ARCHITECTURE,
    choices=FAMILIES,
    default="mlp",
)  # fmt: skip
FEATURES = Hyperparameter(
    "model", "features",
    label="input features",
    help="What the model sees of the inputs x1, x2, ...: all inputs unchanged, or a selection of "
    "inputs, powers, products and waves.",
    why="The right features make a simple model enough: a circle is a straight line in x1^2 and "
    "x2^2. Needless ones are more capacity to fit noise with.",
    role=Role.ARCHITECTURE,
    accepts=FeatureList,
    choices={notation.ALL_INPUTS: NamedChoice("All inputs")},
    default=notation.ALL_INPUTS,
    when={FAMILY: takers(FAMILIES, "features")},
)  # fmt: skip
DEGREE = Hyperparameter(
    "model", "degree",
    label="degree",
    help="Highest power of the inputs.",
    why="Degree 1 on five dots: 2 parameters, an error on every dot. Degree 6: 7 parameters, no "
    "error on the dots, and the pattern is missed.",
    role=Role.CAPACITY,
    accepts=Annotated[int, Field(ge=0, le=20)],
    default=1,
    when={FAMILY: takers(FAMILIES, "degree")},
)  # fmt: skip
LAYERS = Hyperparameter(
    "model", "layers",
    label="neurons of each layer",
    help="Number of neurons of each hidden layer, from the inputs to the outputs, where they "
    "differ. It replaces depth and width.",
    why="Neurons need not be spread evenly: wide at the inputs and narrow at the outputs is usual. "
    "It is the number of parameters that has to balance the samples.",
    role=Role.ARCHITECTURE,
    accepts=LayerList,
    when={FAMILY: takers(FAMILIES, "layers")},
)  # fmt: skip
DEPTH = Hyperparameter(
    "model", "depth",
    label="depth",
    help="Number of hidden layers; 0 is a single-layer network. In a convolutional network, the "
    "number of convolutions, each of which halves the image.",
    why="A single layer draws straight borders. Hidden layers bend them, and can bend them around "
    "every single sample.",
    role=Role.CAPACITY,
    accepts=Annotated[int, Field(ge=0, le=MAX_DEPTH)],
    default=2,
    when={FAMILY: takers(FAMILIES, "depth"), LAYERS: [None]},
)  # fmt: skip
WIDTH = Hyperparameter(
    "model", "width",
    label="width",
    help="Number of neurons in each hidden layer, or number of random features.",
    why="The plainest way to more or less capacity: try a list, such as 2, 8, 32, 128, and see "
    "validation loss fall and rise again.",
    role=Role.CAPACITY,
    accepts=Annotated[int, Field(ge=1, le=10_000)],
    default=32,
    when={FAMILY: takers(FAMILIES, "width"), DEPTH: WITH_HIDDEN_LAYERS, LAYERS: [None]},
)  # fmt: skip
CHANNELS = Hyperparameter(
    "model", "channels",
    label="channels",
    help="Number of channels of each convolution.",
    why="The width of a convolutional network: each channel looks for one more kind of detail, and "
    "is more capacity.",
    role=Role.CAPACITY,
    accepts=Annotated[int, Field(ge=1, le=512)],
    default=8,
    when={FAMILY: takers(FAMILIES, "channels")},
)  # fmt: skip
ACTIVATION = Hyperparameter(
    "model", "activation",
    label="activation",
    help="Non-linear function of each hidden neuron. Linear leaves the neuron's sum unchanged.",
    why="The activation bends the borders. With linear, any number of layers draws straight ones, "
    "and cannot overfit by bending; smooth activations such as tanh bend gently.",
    role=Role.ARCHITECTURE,
    choices={
        "relu": NamedChoice("ReLU"),
        "tanh": NamedChoice("Tanh"),
        "gelu": NamedChoice("GELU"),
        "sigmoid": NamedChoice("Sigmoid"),
        "linear": NamedChoice("Linear"),
    },
    default="relu",
    when={FAMILY: takers(FAMILIES, "activation"), DEPTH: WITH_HIDDEN_LAYERS},
)  # fmt: skip
NORMALISATION = Hyperparameter(
    "model", "normalisation",
    label="normalisation",
    help="Keeps the input of each neuron in range, computed over the batch or over the layer.",
    why="Makes deep networks train fast. Over the batch it also adds noise, which regularises a "
    "little.",
    role=Role.ARCHITECTURE,
    choices={
        "none": NamedChoice("None"),
        "batch": NamedChoice("Batch norm"),
        "layer": NamedChoice("Layer norm"),
    },
    default="none",
    when={FAMILY: takers(FAMILIES, "normalisation"), DEPTH: WITH_HIDDEN_LAYERS},
    advanced=True,
)  # fmt: skip
DROPOUT = Hyperparameter(
    "model", "dropout",
    label="dropout",
    help="Fraction of the hidden neurons that are silenced at each step.",
    why="Regularisation: neurons that may be silent cannot rely on one another, so less is "
    "memorised.",
    role=Role.REGULARISATION,
    accepts=Annotated[float, Field(ge=0, lt=1)],
    default=0.0,
    when={FAMILY: takers(FAMILIES, "dropout"), DEPTH: WITH_HIDDEN_LAYERS},
    slider_end=0.9,
)  # fmt: skip


class Model(Section):
    """The model of a run."""

    heading = "Model"

    family: Annotated[str, FAMILY]
    features: Annotated[str, FEATURES] = notation.ALL_INPUTS
    degree: Annotated[int | None, DEGREE] = None
    depth: Annotated[int | None, DEPTH] = None
    width: Annotated[int | None, WIDTH] = None
    layers: Annotated[str | None, LAYERS] = None
    channels: Annotated[int | None, CHANNELS] = None
    activation: Annotated[str | None, ACTIVATION] = None
    normalisation: Annotated[str | None, NORMALISATION] = None
    dropout: Annotated[float | None, DROPOUT] = None

    @property
    def hidden(self) -> list[int]:
        """The neurons of each hidden layer, or the channels of each convolution."""
        if self.layers is not None:
            return notation.neurons(self.layers)
        return [self.channels or self.width or 0] * (self.depth or 0)
