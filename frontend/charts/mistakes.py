"""Mistakes of a classifier: its confusion matrix, misread images and a projection."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np

from backend.analysis.confusion import Confusion, counts_of
from backend.diagnosis.number_format import number
from backend.runs.classified import ClassifiedSamples
from backend.series import Array
from backend.specification.data_sources import Source
from frontend.charts.grid_metrics import LEVELS

MAX_CLASSES = 12  # a larger matrix is not readable
SHADES = 8
WIDTH, HEIGHT, MARGIN = 320, 220, 10  # of the projection, in its own units


@dataclass(frozen=True)
class ConfusionCell:
    """The number of samples of one class that were given another, and its step of the ramp."""

    amount: int
    level: int
    right: bool


@dataclass(frozen=True)
class MisreadImage:
    """An image as one path per opacity, with its true class and the class that was given."""

    pixels: Sequence[tuple[str, str]]
    view: str
    true: str
    given: str


@dataclass(frozen=True)
class ProjectedSample:
    """A sample at its place in the drawing. `label` is the number of its true class."""

    x: float
    y: float
    label: int
    text: str
    wrong: bool
    strength: float = 1.0


@dataclass(frozen=True)
class Mistakes:
    """The parts of the section; a part that does not apply is empty."""

    epoch: int
    samples: int
    right: int
    f1: float
    classes: Sequence[str]
    confusion: Sequence[Sequence[ConfusionCell]]
    images: Sequence[MisreadImage]
    projection: Sequence[ProjectedSample]
    view: str = f"0 0 {WIDTH} {HEIGHT}"

    @property
    def sentence(self) -> str:
        """The result in words."""
        wrong = self.samples - self.right
        return (
            f"At the best epoch, {self.epoch:,}, {self.right} of {self.samples} test samples are "
            f"given the right class ({self.right / self.samples:.1%}), and {wrong} a wrong one. "
            f"The error rate is {wrong / self.samples:.1%}, the mean F1 score of the classes "
            f"{number(self.f1)}."
        )


def mistakes_of(samples: ClassifiedSamples, source: Source, *, drawable: bool) -> Mistakes:
    """Return what a model got right and wrong. A `drawable` model has a better picture: its fit."""
    names = source.classes or tuple(map(str, range(source.outputs)))
    right = samples.targets == samples.predicted
    return Mistakes(
        samples.epoch,
        len(samples.targets),
        int(right.sum()),
        Confusion(counts_of(samples.targets, samples.predicted, len(names))).macro_f1,
        names,
        _confusion(samples, len(names)) if len(names) <= MAX_CLASSES else (),
        [_image(samples, at, names) for at in range(len(samples.misread))],
        () if drawable else _projection(samples, names, ~right),
    )


def _confusion(samples: ClassifiedSamples, classes: int) -> list[list[ConfusionCell]]:
    amounts = counts_of(samples.targets, samples.predicted, classes)
    per_class = np.maximum(amounts.sum(axis=1, keepdims=True), 1)
    levels = np.minimum((LEVELS * amounts / per_class).astype(int), LEVELS - 1)
    return [
        [
            ConfusionCell(int(amounts[i, j]), int(levels[i, j]), i == j)
            for j in range(classes)
        ]
        for i in range(classes)
    ]  # fmt: skip


def _image(samples: ClassifiedSamples, at: int, names: Sequence[str]) -> MisreadImage:
    grey = samples.misread[at]
    side = isqrt(len(grey))
    shades = np.round(grey.reshape(side, side) / 255 * SHADES).astype(int)
    pixels = []
    for shade in range(1, SHADES + 1):
        places = np.argwhere(shades == shade)
        if len(places):
            path = "".join(f"M{x} {y}h1v1h-1z" for y, x in places)
            pixels.append((f"{shade / SHADES:.2f}", path))
    sample = int(samples.misread_at[at])
    true, given = (names[int(of[sample])] for of in (samples.targets, samples.predicted))
    return MisreadImage(pixels, f"0 0 {side} {side}", true, given)


def _projection(
    samples: ClassifiedSamples, names: Sequence[str], wrong: Array
) -> list[ProjectedSample]:
    if not len(samples.projected):
        return []
    x = _fitted(samples.projected[:, 0], WIDTH)
    y = HEIGHT - _fitted(samples.projected[:, 1], HEIGHT)
    return [
        ProjectedSample(
            round(float(x[i]), 1), round(float(y[i]), 1), int(label), names[label], bool(wrong[i])
        )
        for i, label in enumerate(samples.targets)
    ]


def _fitted(values: Array, length: float) -> Array:
    low, high = values.min(), values.max()
    return np.asarray(MARGIN + (length - 2 * MARGIN) * (values - low) / (high - low or 1.0))
