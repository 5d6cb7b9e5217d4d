"""Draw the presets' thumbnails from the very data that each preset trains on.

Run from the project's root, with the worker's dependencies: python -m docs.make_thumbnails
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.spec import validate
from backend.spec.presets import PRESETS
from worker.training.data import Data, load

FOLDER = Path(__file__).parent.parent / "frontend" / "templates" / "presets"
WIDTH, HEIGHT, MARGIN = 320, 180, 16
MAX_DOTS = 200

Array = NDArray[Any]


def main() -> None:
    """Write one SVG for each preset."""
    for slug, preset in PRESETS.items():
        data = load(validate(preset.document).runs[-1])
        body = DRAWINGS[slug](data)
        svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}">{body}</svg>\n'
        (FOLDER / f"{slug}.svg").write_text(svg)


def five_dots(data: Data) -> str:
    """The dots with the straight line and the degree-6 polynomial that fit them best."""
    x, y = data.train.x[:, 0], data.train.y[:, 0]
    grid = np.linspace(x.min(), x.max(), 120)
    scaled, fine = 2 * (x - x.min()) / np.ptp(x) - 1, np.linspace(-1, 1, 120)
    straight = np.polyval(np.polyfit(x, y, 1), grid)
    bent = _vandermonde(fine) @ np.linalg.pinv(_vandermonde(scaled)) @ y
    xs = _stretch(grid, grid, MARGIN, WIDTH - MARGIN)
    everything = np.concatenate([y, straight, bent])
    lines = [
        f'<path class="{name}" d="{_path(xs, _up(values, everything))}"/>'
        for name, values in (("curve", bent), ("line", straight))
    ]
    return "".join(lines) + _dots(_stretch(x, grid, MARGIN, WIDTH - MARGIN), _up(y, everything), 6)


def scatter(data: Data, columns: tuple[int, int], radius: float) -> str:
    """The first training points in two of their features, coloured by class."""
    horizontal, vertical = (data.train.x[:MAX_DOTS, column] for column in columns)
    classes = data.train.y[:MAX_DOTS]
    x = _stretch(horizontal, horizontal, MARGIN, WIDTH - MARGIN)
    y = _up(vertical, vertical)
    return "".join(
        _dots(x[classes == label], y[classes == label], radius, f"class-{label}")
        for label in np.unique(classes)
    )


def digits(data: Data) -> str:
    """Eight digits as the model sees them: 8 by 8 grey values."""
    pixel, gap = 8, 10
    left, top = (WIDTH - 4 * 8 * pixel - 3 * gap) / 2, (HEIGHT - 2 * 8 * pixel - gap) / 2
    shades: dict[int, list[str]] = {}
    chosen = [data.train.x[data.train.y == digit][0] for digit in range(8)]
    for place, image in enumerate(chosen):
        for (row, column), grey in np.ndenumerate(image.reshape(8, 8)):
            x = left + (place % 4) * (8 * pixel + gap) + column * pixel
            y = top + place // 4 * (8 * pixel + gap) + row * pixel
            shades.setdefault(int(grey) // 2, []).append(f"M{x:g} {y:g}h{pixel}v{pixel}h-{pixel}z")
    return "".join(
        f'<path class="digit" opacity="{shade / 8:g}" d="{"".join(squares)}"/>'
        for shade, squares in sorted(shades.items())
        if shade
    )


def _vandermonde(x: Array) -> Array:
    """Legendre basis, high degrees damped as the trained model's are."""
    return np.polynomial.legendre.legvander(x, 6) / (2 * np.arange(7) + 1)


def _stretch(values: Array, over: Array, low: float, high: float) -> Array:
    return np.asarray(low + (values - over.min()) / np.ptp(over) * (high - low))


def _up(values: Array, over: Array) -> Array:
    return _stretch(values, over, HEIGHT - MARGIN, MARGIN)


def _path(x: Array, y: Array) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))


def _dots(x: Array, y: Array, radius: float, style: str = "dot") -> str:
    return "".join(
        f'<circle class="{style}" cx="{a:.1f}" cy="{b:.1f}" r="{radius:g}"/>'
        for a, b in zip(x, y, strict=True)
    )


DRAWINGS = {
    "five-dots": five_dots,
    "two-moons": lambda data: scatter(data, (0, 1), 3),
    "iris": lambda data: scatter(data, (2, 3), 4),
    "digits": digits,
}


if __name__ == "__main__":
    main()
