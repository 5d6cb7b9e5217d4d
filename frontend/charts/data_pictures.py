"""Previews of the data that a specification requests, with their noise.

Samples of generated sources are the same that a worker draws. For stored sources, the package
contains a few rows (docs/make_previews.py), to which the same amount of noise is added.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import isqrt
from pathlib import Path
from typing import TypedDict

import numpy as np

from backend import work_budget
from backend.datasets.formulas import FORMULAS
from backend.datasets.sampling import flipped, generated, with_noise
from backend.series import Array
from backend.specification import RunSpec
from backend.specification.data_sources import SOURCES
from frontend import formatting

WIDTH, HEIGHT, MARGIN = 160, 120, 7  # of a drawing, in its own units
MAX_PICTURES = 4
MAX_DOTS = 300
VISIBLE_SETTINGS = ("n_train", "n_features", "input_noise", "target_noise", "label_noise")
SHADES = 9
_PREVIEWS = Path(__file__).parent / "previews.json"


class Preview(TypedDict, total=False):
    """Rows of a stored source: of a table, images with their highest value, or lines."""

    names: list[str]
    inputs: list[list[float]]
    targets: list[float]
    images: list[list[int]]
    top: float
    lines: list[list[float]]


@dataclass(frozen=True)
class Dot:
    """A sample at its position in the drawing. `label` is its class, None for regression.

    A value over two inputs is drawn as class 0 (lower half of the values) or 1 (upper half), with
    an opacity of `strength`.
    """

    x: float
    y: float
    label: int | None
    wrong: bool
    strength: float = 1.0


@dataclass(frozen=True)
class DataPicture:
    """The preview of one data set: dots, pixels as (opacity, path), or lines as paths."""

    title: str
    about: str
    dots: Sequence[Dot] = ()
    pixels: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()
    view: str = f"0 0 {WIDTH} {HEIGHT}"


def data_pictures(runs: Sequence[RunSpec]) -> list[DataPicture]:
    """Return previews of the different data sets of runs, of at most MAX_PICTURES."""
    different = {_look(run): run for run in reversed(runs)}
    all_different = list(different.values())[::-1]
    indices = np.unique(np.linspace(0, len(all_different) - 1, MAX_PICTURES).astype(int))
    shown = [all_different[i] for i in indices]
    varying = [
        name for name in VISIBLE_SETTINGS if len({getattr(run.dataset, name) for run in shown}) > 1
    ]
    return [_picture(run, varying) for run in shown]


def _look(run: RunSpec) -> tuple[object, ...]:
    return run.dataset.source, *(getattr(run.dataset, name) for name in VISIBLE_SETTINGS)


def _picture(run: RunSpec, varying: Sequence[str]) -> DataPicture:
    work_budget.check()
    source, values = run.dataset.source, vars(run.dataset)
    named = [
        f"{formatting.label(f'dataset.{name}')} {formatting.value(values[name])}"
        for name in varying
    ]
    title = ", ".join([SOURCES[source].title, *named])
    if source in FORMULAS:
        return _generated(run, title)
    preview = _previews().get(source)
    if preview is None:
        return DataPicture(title, f"{SOURCES[source].about} No picture is available.")
    if "inputs" in preview:
        return _table(run, title, preview)
    if "lines" in preview:
        return DataPicture(
            title, f"A line for each digit{_wrong_share(run)}.", lines=_lines(run, preview)
        )
    pixels, view = _pixels(run, preview)
    return DataPicture(
        title, f"One image for each digit{_wrong_share(run)}.", pixels=pixels, view=view
    )


def _generated(run: RunSpec, title: str) -> DataPicture:
    n, seed = run.dataset.n_train, run.training.seed
    # a shorter draw is the beginning of a longer one, so the hidden samples need not be drawn
    dataset = run.dataset.model_copy(update={"n_train": min(n, MAX_DOTS)})
    x, y = with_noise(dataset, seed, "train", *generated(dataset, seed, "train"))
    labels, wrong = _labels(run, y)
    about = f"The {formatting.count(n, 'train sample')} of seed {seed}"
    if n > MAX_DOTS:
        about = f"The first {MAX_DOTS} of {n:,} train samples of seed {seed}"
    if SOURCES[run.dataset.source].features == 2 and labels is None:
        return DataPicture(title, f"{about}, shaded by their value.", _shaded_dots(x, y[:, 0]))
    if x.shape[1] > (1 if labels is None else 2):
        about += f", over the first {'input' if labels is None else 'two inputs'} of {x.shape[1]}"
    across = x[:, 0]
    up = y[:, 0] if labels is None else x[:, 1]
    return DataPicture(title, f"{about}{_mislabelled(wrong)}.", _dots(across, up, labels, wrong))


def _table(run: RunSpec, title: str, preview: Preview) -> DataPicture:
    n = min(run.dataset.n_train, len(preview["inputs"]))
    inputs, targets = np.array(preview["inputs"])[:n], np.array(preview["targets"])[:n]
    x = inputs + _amount(run) * _noise(run).normal(size=inputs.shape)
    labels, wrong = _labels(run, targets)
    if labels is None:
        targets = targets + (run.dataset.target_noise or 0) * _noise(run).normal(size=n)
    about = (
        f"{formatting.count(n, 'row')} over {' and '.join(preview['names'])}{_mislabelled(wrong)}."
    )
    return DataPicture(
        title, about, _dots(x[:, 0], targets if labels is None else x[:, 1], labels, wrong)
    )


def _labels(run: RunSpec, y: Array) -> tuple[Array | None, Array]:
    """Return the classes with label noise (None for regression), and which of them are wrong."""
    source = SOURCES[run.dataset.source]
    if source.problem == "regression":
        return None, np.zeros(len(y), dtype=bool)
    return flipped(y, run.dataset.label_noise or 0.0, run.training.seed, source.outputs)


def _mislabelled(wrong: Array) -> str:
    return f", {int(wrong.sum()):,} with a wrong label (crossed)" if wrong.any() else ""


def _wrong_share(run: RunSpec) -> str:
    share = run.dataset.label_noise
    return f"; {formatting.percent(share)} of the train labels are wrong" if share else ""


def _dots(x: Array, y: Array, labels: Array | None, wrong: Array) -> list[Dot]:
    across, up = _fitted(x, WIDTH), HEIGHT - _fitted(y, HEIGHT)
    return [
        Dot(
            round(float(across[i]), 1),
            round(float(up[i]), 1),
            None if labels is None else int(labels[i]),
            bool(wrong[i]),
        )
        for i in range(len(x))
    ]


def _shaded_dots(x: Array, values: Array) -> list[Dot]:
    """Return dots whose strength grows with the distance of their value from the middle."""
    middle = (values.min() + values.max()) / 2
    upper = values > middle
    far = np.abs(values - middle) / (np.abs(values - middle).max() or 1.0)
    dots = _dots(x[:, 0], x[:, 1], upper.astype(int), np.zeros(len(x), dtype=bool))
    return [
        replace(dot, strength=round(float(0.15 + 0.85 * strength), 2))
        for dot, strength in zip(dots, far, strict=False)
    ]


def _fitted(values: Array, length: float) -> Array:
    low, high = values.min(), values.max()
    return np.asarray(MARGIN + (length - 2 * MARGIN) * (values - low) / (high - low or 1.0))


def _pixels(run: RunSpec, preview: Preview) -> tuple[list[tuple[str, str]], str]:
    """Return images in two rows as one path per opacity, and the view box of the drawing."""
    shades = np.array(preview["images"], dtype=float)
    shades += _amount(run) / preview["top"] * SHADES * _noise(run).normal(size=shades.shape)
    side, across = isqrt(shades.shape[1]), len(shades) // 2
    images = shades.round().clip(0, SHADES).astype(int).reshape(2, across, side, side)
    canvas = np.pad(images, ((0, 0), (0, 0), (0, 1), (0, 1))).transpose(0, 2, 1, 3)
    canvas = canvas.reshape(2 * (side + 1), across * (side + 1))
    paths = []
    for shade in range(1, SHADES + 1):
        places = np.argwhere(canvas == shade)
        path = "".join(f"M{x} {y}h1v1h-1z" for y, x in places)
        paths.append((f"{shade / SHADES:.2f}", path))
    return paths, f"0 0 {canvas.shape[1]} {canvas.shape[0]}"


def _lines(run: RunSpec, preview: Preview) -> list[str]:
    """Return paths of the lines, one below the other."""
    lines = np.array(preview["lines"])
    lines = lines + _amount(run) * _noise(run).normal(size=lines.shape)
    across = np.linspace(MARGIN, WIDTH - MARGIN, lines.shape[1])
    step = (HEIGHT - 2 * MARGIN) / len(lines)
    scale = step / (2 * np.abs(lines).max())
    return [
        "M" + "L".join(
            f"{x:.1f} {MARGIN + step * (row + 0.5) - scale * value:.1f}"
            for x, value in zip(across, line, strict=True)
        )
        for row, line in enumerate(lines)
    ]  # fmt: skip


def _amount(run: RunSpec) -> float:
    return run.dataset.input_noise or 0.0


def _noise(run: RunSpec) -> np.random.Generator:
    return np.random.default_rng(run.training.seed)


@cache
def _previews() -> dict[str, Preview]:
    previews: dict[str, Preview] = json.loads(_PREVIEWS.read_text(encoding="utf-8"))
    return previews
