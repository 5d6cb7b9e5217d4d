"""Draw the thumbnail of each preset from its real data or its real curves.

Run from the project's root, with the test dependencies: python -m docs.make_thumbnails [SLUG...]
A thumbnail that shows a curve trains its preset, which takes a minute or two for all of them.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from backend.analysis.bias_variance import squared
from backend.specification import validate
from backend.specification.presets import PRESETS
from tests.preset_shapes import By, Trained, curve, degree, n_train, train, width
from worker.training.data import Data, load
from worker.training.device import choose_device
from worker.training.group import Group

FOLDER = Path(__file__).parent.parent / "frontend" / "templates" / "presets"
WIDTH, HEIGHT, MARGIN = 320, 180, 16
MAX_DOTS = 200
MAX_POINTS = 150

Array = NDArray[Any]


def main() -> None:
    """Write one SVG for each preset, or for the named ones."""
    for slug in sys.argv[1:] or PRESETS:
        document = PRESETS[slug].document
        if slug in FROM_DATA:
            body = FROM_DATA[slug](load(validate(document).runs[-1]))
        else:
            body = FROM_RUNS[slug](train(document))
        svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}">{body}</svg>\n'
        (FOLDER / f"{slug}.svg").write_text(svg)


def over(by: By) -> Callable[[list[Trained]], str]:
    """Draw train and validation loss over a hyperparameter."""

    def draw(runs: list[Trained]) -> str:
        losses = {part: curve(runs, by, f"{part}_loss") for part in ("train", "val")}
        return two_curves(
            list(losses["val"]), *(list(losses[p].values()) for p in ("train", "val"))
        )

    return draw


def over_epochs(chosen: Callable[[Trained], bool]) -> Callable[[list[Trained]], str]:
    """Draw train and validation loss over the epochs of the first run that `chosen` accepts."""

    def draw(runs: list[Trained]) -> str:
        history = next(run for run in runs if chosen(run)).history
        losses = {p: [epoch[f"{p}_loss"] for epoch in history] for p in ("train", "val")}
        return two_curves(range(1, len(history) + 1), losses["train"], losses["val"])

    return draw


def two_curves(x: Sequence[float], train: Sequence[float], validation: Sequence[float]) -> str:
    """Draw losses on logarithmic axes, with values below a hundredth of the highest cut off."""
    at, lines = np.log(np.asarray(x, float) + (min(x) == 0)), [train, validation]
    floor = max(validation) / 100
    logs = [np.log(np.maximum(line, floor)) for line in lines]
    thinned = np.unique(np.searchsorted(at, np.linspace(at[0], at[-1], MAX_POINTS)))
    everything = np.concatenate(logs)
    xs = _scaled(at, at, MARGIN, WIDTH - MARGIN)
    return "".join(
        f'<path class="{name}" d="{_path(xs[thinned], _up(values, everything)[thinned])}"/>'
        for name, values in zip(("line", "curve"), logs, strict=True)
    )


def bias_and_variance(runs: list[Trained]) -> str:
    """Draw bias squared (solid) and variance (dashed) over the epochs, of all runs as one cell.

    The runs are trained again, because their predictions at each epoch are needed.
    """
    group = Group([run.spec for run in runs], choose_device())
    splits = {}
    for epoch in range(1, runs[0].spec.training.epochs + 1):
        group.epoch()
        if epoch & (epoch - 1) == 0:
            files = group.predictions(range(len(runs)), "last").values()
            predictions = [safetensors.numpy.load(file.outputs) for file in files]
            outputs = np.stack([prediction["outputs"] for prediction in predictions])
            splits[epoch] = squared(outputs, predictions[0]["targets"])
    # bias is corrected for its variance and ends near 0, where its logarithm is noise
    floor = max(split.variance for split in splits.values()) / 10
    terms = (
        [max(getattr(split, term), floor) for split in splits.values()]
        for term in ("bias", "variance")
    )
    return two_curves(list(splits), *terms)


def variants(runs: list[Trained]) -> str:
    """Draw the final test loss of each variant minus that of the first: its range and mean."""
    ends: dict[str, Mapping[int, float]] = {}
    for run in runs:
        mine = dict(ends.get(str(run.label), {}))
        mine[run.spec.training.seed] = run.end["test_loss"]
        ends[str(run.label)] = mine
    base, *others = ends.values()
    rows = [[other[seed] - base[seed] for seed in other] for other in others]
    everything = np.array([0.0, *(value for row in rows for value in row)])
    place = lambda values: _scaled(np.array(values), everything, 2 * MARGIN, WIDTH - 2 * MARGIN)  # noqa: E731
    zero = place([0.0])[0]
    parts = [f'<path class="axis" d="M{zero:.1f} {MARGIN}V{HEIGHT - MARGIN}"/>']
    for index, row in enumerate(rows):
        y = HEIGHT * (index + 1) / (len(rows) + 1)
        x = place(row)
        parts.append(f'<path class="interval" d="M{x.min():.1f} {y:.1f}H{x.max():.1f}"/>')
        parts.append(_dots(np.array([x.mean()]), np.array([y]), 6))
    return "".join(parts)


def five_dots(data: Data) -> str:
    """Draw the dots with the straight line and the degree-6 polynomial that fit them best."""
    x, y = data.train.x[:, 0], data.train.y[:, 0]
    grid = np.linspace(x.min(), x.max(), 120)
    scaled, fine = 2 * (x - x.min()) / np.ptp(x) - 1, np.linspace(-1, 1, 120)
    straight = np.polyval(np.polyfit(x, y, 1), grid)
    bent = _vandermonde(fine) @ np.linalg.pinv(_vandermonde(scaled)) @ y
    xs = _scaled(grid, grid, MARGIN, WIDTH - MARGIN)
    everything = np.concatenate([y, straight, bent])
    lines = [
        f'<path class="{name}" d="{_path(xs, _up(values, everything))}"/>'
        for name, values in (("curve", bent), ("line", straight))
    ]
    return "".join(lines) + _dots(_scaled(x, grid, MARGIN, WIDTH - MARGIN), _up(y, everything), 6)


def scatter(data: Data, columns: tuple[int, int], radius: float) -> str:
    """Draw the first training points in two of their features, coloured by class."""
    horizontal, vertical = (data.train.x[:MAX_DOTS, column] for column in columns)
    classes = data.train.y[:MAX_DOTS]
    x = _scaled(horizontal, horizontal, MARGIN, WIDTH - MARGIN)
    y = _up(vertical, vertical)
    return "".join(
        _dots(x[classes == label], y[classes == label], radius, f"class-{label}")
        for label in np.unique(classes)
    )


def digits(data: Data) -> str:
    """Draw eight digits as the model sees them: 8 by 8 grey values."""
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
    """Return the Legendre basis, with high degrees damped as in the trained model."""
    return np.polynomial.legendre.legvander(x, 6) / (2 * np.arange(7) + 1)


def _scaled(values: Array, over: Array, low: float, high: float) -> Array:
    return np.asarray(low + (values - over.min()) / np.ptp(over) * (high - low))


def _up(values: Array, over: Array) -> Array:
    return _scaled(values, over, HEIGHT - MARGIN, MARGIN)


def _path(x: Array, y: Array) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))


def _dots(x: Array, y: Array, radius: float, style: str = "dot") -> str:
    return "".join(
        f'<circle class="{style}" cx="{a:.1f}" cy="{b:.1f}" r="{radius:g}"/>'
        for a, b in zip(x, y, strict=True)
    )


FROM_DATA: dict[str, Callable[[Data], str]] = {
    "five-dots": five_dots,
    "two-moons": lambda data: scatter(data, (0, 1), 3),
    "iris": lambda data: scatter(data, (2, 3), 4),
    "digits": digits,
}
FROM_RUNS: dict[str, Callable[[list[Trained]], str]] = {
    "polynomial-degree": over(degree),
    "random-features": over(width),
    "width-double-descent": over(width),
    "sample-double-descent": over(n_train),
    "learning-curves": over(n_train),
    "label-noise": over_epochs(lambda run: run.spec.dataset.label_noise == 0.4),
    "bias-variance": bias_and_variance,
    "late-generalisation": over_epochs(lambda run: bool(run.spec.training.weight_decay)),
    "regularisation": variants,
}


if __name__ == "__main__":
    main()
