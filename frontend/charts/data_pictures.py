"""Small pictures of the data that a specification asks for, with its noise, before anything runs.

Generated sources are drawn as a worker will draw them, sample for sample. Of stored ones a few
rows are kept here (docs/make_previews.py), to which the same amount of noise is added.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np

from backend.datasets.draws import flipped, generated, with_noise
from backend.datasets.formulas import FORMULAS
from backend.series import Array
from backend.specification import RunSpec
from backend.specification.sources import SOURCES
from frontend import formatting

WIDTH, HEIGHT, MARGIN = 160, 120, 7  # of a drawing, in its own units
MAX_PICTURES = 4
MAX_DOTS = 300
SEEN = ("n_train", "n_features", "input_noise", "target_noise", "label_noise")  # of a data set
SHADES = 9
_PREVIEWS = Path(__file__).parent / "previews.json"

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Dot:
    """A sample at its place in the drawing; `label` is its class, None of regression.

    A value over two inputs is drawn as a class, the lower or the upper half, with a `strength`.
    """

    x: float
    y: float
    label: int | None
    wrong: bool
    strength: float = 1.0


@dataclass(frozen=True)
class DataPicture:
    """One data set: dots, or else pixels as paths by their opacity, or else lines as paths."""

    title: str
    about: str
    dots: Sequence[Dot] = ()
    pixels: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()
    view: str = f"0 0 {WIDTH} {HEIGHT}"


def data_pictures(runs: Sequence[RunSpec]) -> list[DataPicture]:
    """Return the pictures of the different data sets of runs, a few of them if there are many."""
    different = {_look(run): run for run in reversed(runs)}
    found = list(different.values())[::-1]
    chosen = np.unique(np.linspace(0, len(found) - 1, MAX_PICTURES).astype(int))
    shown = [found[i] for i in chosen]
    varying = [name for name in SEEN if len({getattr(run.dataset, name) for run in shown}) > 1]
    return [_picture(run, varying) for run in shown]


def _look(run: RunSpec) -> tuple[object, ...]:
    return run.dataset.source, *(getattr(run.dataset, name) for name in SEEN)


def _picture(run: RunSpec, varying: Sequence[str]) -> DataPicture:
    source, given = run.dataset.source, vars(run.dataset)
    named = [
        f"{formatting.label(f'dataset.{name}')} {formatting.value(given[name])}" for name in varying
    ]
    title = ", ".join([SOURCES[source].title, *named])
    if source in FORMULAS:
        return _generated(run, title)
    kept = _previews().get(source)
    if kept is None:
        return DataPicture(title, f"{SOURCES[source].about} There is no picture of it.")
    if "inputs" in kept:
        return _table(run, title, kept)
    if "lines" in kept:
        return DataPicture(
            title, f"A line of each digit{_wrong_share(run)}.", lines=_lines(run, kept)
        )
    pixels, view = _pixels(run, kept)
    return DataPicture(
        title, f"One image of each digit{_wrong_share(run)}.", pixels=pixels, view=view
    )


def _generated(run: RunSpec, title: str) -> DataPicture:
    dataset, seed = run.dataset, run.training.seed
    x, y = with_noise(dataset, seed, "train", *generated(dataset, seed, "train"))
    labels, wrong = _labels(run, y)
    about = f"The {formatting.count(len(x), 'train sample')} of seed {seed}"
    if len(x) > MAX_DOTS:
        about = f"The first {MAX_DOTS} of {len(x):,} train samples of seed {seed}"
    if SOURCES[run.dataset.source].features == 2 and labels is None:
        return DataPicture(title, f"{about}, shaded by their value.", _shaded_dots(x, y[:, 0]))
    if x.shape[1] > (1 if labels is None else 2):
        about += f", over the first {'input' if labels is None else 'two inputs'} of {x.shape[1]}"
    across = x[:, 0]
    up = y[:, 0] if labels is None else x[:, 1]
    return DataPicture(title, f"{about}{_mislabelled(wrong)}.", _dots(across, up, labels, wrong))


def _table(run: RunSpec, title: str, kept: JsonObject) -> DataPicture:
    n = min(run.dataset.n_train, len(kept["inputs"]))
    inputs, targets = np.array(kept["inputs"])[:n], np.array(kept["targets"])[:n]
    x = inputs + _amount(run) * _noise(run).normal(size=inputs.shape)
    labels, wrong = _labels(run, targets)
    if labels is None:
        targets = targets + (run.dataset.target_noise or 0) * _noise(run).normal(size=n)
    about = f"{formatting.count(n, 'row')} over {' and '.join(kept['names'])}{_mislabelled(wrong)}."
    return DataPicture(
        title, about, _dots(x[:, 0], targets if labels is None else x[:, 1], labels, wrong)
    )


def _labels(run: RunSpec, y: Array) -> tuple[Array | None, Array]:
    """Return the classes with label noise, None of regression, and which are wrong."""
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
    shown = range(min(len(x), MAX_DOTS))
    return [
        Dot(
            round(float(across[i]), 1),
            round(float(up[i]), 1),
            None if labels is None else int(labels[i]),
            bool(wrong[i]),
        )
        for i in shown
    ]


def _shaded_dots(x: Array, values: Array) -> list[Dot]:
    """Draw values over two inputs: the stronger, the farther from the middle value."""
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


def _pixels(run: RunSpec, kept: JsonObject) -> tuple[list[tuple[str, str]], str]:
    """Return images in two rows as one path for each opacity, and the drawing's view box."""
    shades = np.array(kept["images"], dtype=float)
    shades += _amount(run) / kept["top"] * SHADES * _noise(run).normal(size=shades.shape)
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


def _lines(run: RunSpec, kept: JsonObject) -> list[str]:
    """Return one line below the other, as paths."""
    lines = np.array(kept["lines"])
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
def _previews() -> JsonObject:
    found: JsonObject = json.loads(_PREVIEWS.read_text(encoding="utf-8"))
    return found
