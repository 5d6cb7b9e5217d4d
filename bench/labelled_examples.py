"""Training histories that people labelled: a folder of CSV files and a table of labels."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import nan
from pathlib import Path

import numpy as np

from backend.diagnosis import Curve, Diagnosis
from backend.series import FloatArray

VERDICTS = {
    "past its best": "overfitting-rise",
    "gap": "overfitting-gap",
    "from the start": "overfitting-from-start",
    "memorised": "overfitting-from-start",
    "epoch-wise double descent": "double descent",
    "late generalisation": "double descent",
}
"""Names of the labels for our kinds and verdicts; other names are equal."""


@dataclass(frozen=True)
class Example:
    """A history, and what two readers say: None where they differ or are not sure."""

    file: str
    repository: str
    steps: FloatArray
    train: FloatArray
    validation: FloatArray
    overfits: bool | None
    verdict: str | None
    best: float | None

    @property
    def curve(self) -> Curve:
        """The losses as the diagnosis reads them."""
        return Curve.from_arrays(self.steps, self.train, self.validation)

    @property
    def known(self) -> tuple[list[float], list[float]]:
        """Both losses where both are finite, for tools that read no gaps."""
        both = np.isfinite(self.train) & np.isfinite(self.validation)
        return self.train[both].tolist(), self.validation[both].tolist()


def load(folder: Path) -> Iterator[Example]:
    """Read `labels.csv` of a folder and the histories that it names."""
    with (folder / "labels.csv").open() as handle:
        labels = list(csv.DictReader(handle))
    for row in labels:
        with (folder / row["file"]).open() as handle:
            table = list(csv.DictReader(handle))
        steps, train, validation = (
            np.array([float(line[name] or nan) for line in table])
            for name in ("epoch", "train_loss", "val_loss")
        )
        overfits, verdict, best = _labels(row)
        name, repository = row["file"], row["repository"]
        yield Example(name, repository, steps, train, validation, overfits, verdict, best)


def _labels(row: dict[str, str]) -> tuple[bool | None, str | None, float | None]:
    overfits = {("yes", "yes"): True, ("no", "no"): False}.get(
        (row["overfitting_a"], row["overfitting_b"])
    )
    verdict = row["verdict_a"] if row["verdict_a"] == row["verdict_b"] else None
    best = json.loads(row["best_a"]) if row["best_a"] == row["best_b"] else None
    return overfits, verdict, best


def label_of(diagnosis: Diagnosis) -> str:
    """Return our verdict in the words of the labels."""
    name = str(diagnosis.kind or diagnosis.verdict)
    return VERDICTS.get(name, name)


def best_agrees(example: Example, diagnosis: Diagnosis) -> bool:
    """Return whether both best steps lie within a twentieth of the length."""
    length = float(example.steps[-1] - example.steps[0])
    if diagnosis.best_step is None or example.best is None:
        return False
    return abs(diagnosis.best_step - example.best) <= 0.05 * length
