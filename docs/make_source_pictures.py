"""Draw a picture of each data source from its samples, for the Datasets page.

Run from the project's root, with the worker's dependencies: python -m docs.make_source_pictures
"""

from itertools import pairwise
from pathlib import Path

import numpy as np

from backend.specification import validate
from backend.specification.data_sources import SOURCES
from docs.make_thumbnails import (
    HEIGHT,
    MARGIN,
    MAX_DOTS,
    WIDTH,
    Array,
    _dots,
    _path,
    _scaled,
    _up,
    scatter,
)
from worker.training.data import Data, load

FOLDER = Path(__file__).parent.parent / "frontend" / "templates" / "sources"
COLUMNS = {
    "iris": (2, 3),
    "wine": (0, 6),
    "breast_cancer": (0, 1),
}  # two inputs that separate the classes
AGAINST = {"diabetes": 2}  # the input on the x axis: body mass
SHADES = 4
IMAGES = 3, 2  # across and down


def main() -> None:
    """Write one SVG for each source."""
    FOLDER.mkdir(exist_ok=True)
    for name in SOURCES:
        run = validate({"dataset": {"source": name}, "training": {"epochs": 1}}).runs[0]
        body = _drawn(name, load(run))
        (FOLDER / f"{name}.svg").write_text(f'<svg viewBox="0 0 {WIDTH} {HEIGHT}">{body}</svg>\n')


def _drawn(name: str, data: Data) -> str:
    source = SOURCES[name]
    if source.side:
        return _images(data, source.side)
    if name == "mnist1d":
        return _lines(data)
    if name == "modular_addition":
        return _table(31)
    if source.problem == "regression" and source.features == 2:
        return _plane(data)
    if source.problem == "regression":
        x, y = data.train.x[:MAX_DOTS, AGAINST.get(name, 0)], data.train.y[:MAX_DOTS, 0]
        return _dots(_scaled(x, x, MARGIN, WIDTH - MARGIN), _up(y, y), 3)
    return scatter(data, COLUMNS.get(name, (0, 1)), 3)


def _plane(data: Data) -> str:
    """Draw values over two inputs: low as one class, high as the other, more opaque if extreme."""
    (across, up), values = data.train.x[:MAX_DOTS].T, data.train.y[:MAX_DOTS, 0]
    x, y = _scaled(across, across, MARGIN, WIDTH - MARGIN), _up(up, up)
    strength = 0.15 + 0.85 * np.abs(values) / np.abs(values).max()
    return "".join(
        f'<circle class="class-{int(value > 0)}" opacity="{opacity:.2f}" cx="{a:.1f}" cy="{b:.1f}" '
        f'r="4"/>'
        for a, b, value, opacity in zip(x, y, values, strength, strict=True)
    )


def _images(data: Data, side: int) -> str:
    """Draw the first image of each class, for as many classes as fit."""
    across, down = IMAGES
    pixel = (HEIGHT - 3 * MARGIN) / down / side
    gap = MARGIN
    left = (WIDTH - across * side * pixel - (across - 1) * gap) / 2
    squares: dict[int, list[str]] = {}
    for place in range(across * down):
        image = data.train.x[data.train.y == place + 2][0].reshape(side, side)
        shades = np.ceil(SHADES * image / image.max() - 0.25).astype(int)
        x0 = left + place % across * (side * pixel + gap)
        y0 = MARGIN + place // across * (side * pixel + gap)
        for row in range(side):
            for start, end, shade in _spans(shades[row]):
                corner = f"M{x0 + start * pixel:.1f} {y0 + row * pixel:.1f}"
                width = (end - start) * pixel
                squares.setdefault(shade, []).append(
                    f"{corner}h{width:.1f}v{pixel:.2f}h-{width:.1f}z"
                )
    return _shaded(squares)


def _spans(row: Array) -> list[tuple[int, int, int]]:
    """Return the spans of one shade in a row of pixels: first, past the last, shade."""
    ends = [0, *(np.flatnonzero(np.diff(row)) + 1).tolist(), len(row)]
    return [(a, b, int(row[a])) for a, b in pairwise(ends) if row[a] > 0]


def _lines(data: Data) -> str:
    """Draw one line from each of two classes."""
    lines = [data.train.x[data.train.y == digit][0] for digit in (0, 4)]
    everything = np.concatenate(lines)
    x = _scaled(np.arange(len(lines[0])), np.arange(len(lines[0])), MARGIN, WIDTH - MARGIN)
    return "".join(
        f'<path class="{style}" d="{_path(x, _up(line, everything))}"/>'
        for style, line in zip(("line", "curve"), lines, strict=True)
    )


def _table(modulus: int) -> str:
    """Draw the sums of two numbers modulo a prime as shades of a square."""
    pixel = (HEIGHT - 2 * MARGIN) / modulus
    left = (WIDTH - modulus * pixel) / 2
    squares: dict[int, list[str]] = {}
    for row in range(modulus):
        shades = (row + np.arange(modulus)) % modulus * SHADES // modulus
        for start, end, shade in _spans(shades):
            width = (end - start) * pixel
            corner = f"M{left + start * pixel:.1f} {MARGIN + row * pixel:.1f}"
            squares.setdefault(shade, []).append(f"{corner}h{width:.1f}v{pixel:.2f}h-{width:.1f}z")
    return _shaded(squares)


def _shaded(squares: dict[int, list[str]]) -> str:
    return "".join(
        f'<path class="digit" opacity="{shade / SHADES:g}" d="{"".join(parts)}"/>'
        for shade, parts in sorted(squares.items())
    )


if __name__ == "__main__":
    main()
