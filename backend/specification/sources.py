"""The data sources: what is known of each without loading it."""

from dataclasses import dataclass, field
from typing import Any, Literal

Problem = Literal["regression", "classification"]
Scale = Literal["feature", "all", "none"]


@dataclass(frozen=True)
class Source:
    """One data source.

    `features` is the number of inputs, of drawn sources the smallest. `outputs` is the number of
    classes, or of regressed values. `rows` is how many samples exist (None: drawn afresh, as many
    as asked for). `scale` says whether inputs are standardised each by itself, all alike, or not.
    `side` is the length of a square image's side. `defaults` maps dotted spec paths to values.
    """

    title: str
    about: str
    problem: Problem
    features: int
    outputs: int
    rows: int | None
    scale: Scale = "feature"
    side: int | None = None
    defaults: dict[str, Any] = field(default_factory=dict)


def _drawn(title: str, about: str, problem: Problem, features: int = 1, **defaults: Any) -> Source:
    sizes = {"n_train": 50, "n_validation": 500, "n_test": 2000, "n_features": features}
    outputs = 1 if problem == "regression" else 2
    given = _paths(**{**sizes, **defaults})
    return Source(title, about, problem, features, outputs, None, defaults=given)


def _paths(**defaults: Any) -> dict[str, Any]:
    """Return defaults of the data set's own knobs, and others as `training__epochs`, by path."""
    return {
        path.replace("__", ".") if "__" in path else f"dataset.{path}": value
        for path, value in defaults.items()
    }


SOURCES: dict[str, Source] = {
    "points": _drawn(
        "Five dots", "Points along a straight line, measured with noise: y = 3 x + noise.",
        "regression", n_train=5, n_validation=200, n_test=1000, target_noise=2.2,
        model__family="polynomial", training__epochs=2000,
    ),
    "line": _drawn(
        "Line", "A weighted sum of normal inputs, all of the same weight, with a variance of 1.",
        "regression", target_noise=0.5, model__family="polynomial",
    ),
    "sine": _drawn(
        "Sine", "One period of a sine wave over inputs from -1 to 1.",
        "regression", n_train=30, target_noise=0.3, model__degree=3,
        model__family="polynomial", training__epochs=2000,
    ),
    "polynomial": _drawn(
        "Cubic", "The curve y = 4 x\N{SUPERSCRIPT THREE} - 3 x over inputs from -1 to 1.",
        "regression", n_train=30, target_noise=0.3, model__degree=3,
        model__family="polynomial", training__epochs=2000,
    ),
    "plane": _drawn(
        "Plane", "A value that grows along the diagonal of a square: y = x1 + x2.",
        "regression", 2, n_train=200, target_noise=0.3,
    ),
    "hills": _drawn(
        "Hills and hollows", "Three hills and three hollows in turn, as high as 1 and as deep.",
        "regression", 2, n_train=200, target_noise=0.2,
    ),
    "moons": _drawn(
        "Two moons", "Two interleaved half circles in the plane.",
        "classification", 2, n_train=200, input_noise=0.3,
    ),
    "circles": _drawn(
        "Two circles", "A circle of radius 1 around one of radius 1/2.",
        "classification", 2, n_train=200, input_noise=0.2,
    ),
    "spirals": _drawn(
        "Two spirals", "Two arms that wind around each other one and a half times.",
        "classification", 2, n_train=200, input_noise=0.05,
    ),
    "blobs": _drawn(
        "Two blobs", "Two round clouds that overlap: one sample in six is on the wrong side.",
        "classification", 2, n_train=200,
    ),
    "xor": _drawn(
        "Exclusive or", "A square cut into quarters; opposite quarters are of one class.",
        "classification", 2, n_train=200, input_noise=0.1,
    ),
    "iris": Source(
        "Iris flowers", "150 flowers of three species, four measurements each.",
        "classification", 4, 3, 150,
        defaults=_paths(n_train=60, n_validation=45, n_test=45),
    ),
    "wine": Source(
        "Wines", "178 wines from three growers, thirteen chemical measurements each.",
        "classification", 13, 3, 178,
        defaults=_paths(n_train=78, n_validation=50, n_test=50),
    ),
    "breast_cancer": Source(
        "Breast cancer", "569 tumours, malignant or benign, thirty measurements of cell nuclei.",
        "classification", 30, 2, 569,
        defaults=_paths(n_train=200, n_validation=169, n_test=200),
    ),
    "digits": Source(
        "Handwritten digits", "1,797 handwritten digits, 8 by 8 grey values each.",
        "classification", 64, 10, 1797, side=8,
        defaults=_paths(n_train=500, n_validation=500, n_test=797),
    ),
    "diabetes": Source(
        "Diabetes", "442 patients, ten measurements each; the disease a year later, in units of "
        "77 around 152.",
        "regression", 10, 1, 442,
        defaults=_paths(n_train=200, n_validation=121, n_test=121),
    ),
    "mnist5k": Source(
        "MNIST, 5,000 digits", "5,000 of the MNIST digits, 28 by 28 grey values each.",
        "classification", 784, 10, 5000, "all", 28,
        defaults=_paths(n_train=1000, n_validation=1000, n_test=2000, training__epochs=50),
    ),
    "mnist1d": Source(
        "MNIST-1D", "20,000 lines of 40 points, each a digit's outline, bent, moved and blurred.",
        "classification", 40, 10, 20_000, "all",
        defaults=_paths(n_train=1000, n_validation=1000, n_test=2000, training__epochs=100),
    ),
    "modular_addition": Source(
        "Modular addition", "All 961 sums of two numbers modulo 31, each number one-hot.",
        "classification", 62, 31, 961, "none",
        defaults=_paths(
            n_train=673, n_validation=144, n_test=144,
            training__epochs=2000, training__batch_size=1000,
        ),
    ),
}  # fmt: skip

FAMILIES: dict[str, str] = {
    "polynomial": "A weighted sum of powers of the inputs and of their products.",
    "mlp": "A fully-connected network.",
    "cnn": "A convolutional network, for images.",
    "random_features": "Neurons drawn at random, whose weighted sum is fitted.",
}
"""What each family of models is."""


LEVELS = 255
"""A frame of a fit keeps a probability as one of so many steps."""


def drawable(source: str, inputs: int) -> bool:
    """Whether a fit has a picture: values over one or two inputs, or two classes over two."""
    known = SOURCES[source]
    if known.problem == "regression":
        return inputs in (1, 2)
    return inputs == known.outputs == 2
