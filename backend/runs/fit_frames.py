"""The fit of a run over its epochs: frames taken during training, and its snapshots."""

from collections.abc import Mapping, Sequence
from math import isfinite, prod

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from safetensors.numpy import load
from sqlalchemy.orm import Session

from backend.specification.data_sources import LEVELS
from backend.store import artifacts, runs

FitArray = NDArray[np.float32 | np.float64 | np.uint8]


class Frames(BaseModel):
    """Fits at ascending epochs over one grid, in raw units.

    With one input, `values[i]` holds the prediction of `epochs[i]` at each `x`, null if it is not
    finite, and `y` is null. With two inputs, it holds the prediction, or the probability of the
    second class in steps of 1/255, as one list: a row over `x` for the first `y`, then for the next
    `y`. All lists are empty for a run with more inputs, or before its first frame.
    """

    epochs: list[int]
    x: list[float]
    y: list[float] | None
    values: list[list[float | None]]


def frames_of(session: Session, run_id: int) -> Frames:
    """Return the frames of a run. Raises NotFound."""
    runs.get(session, run_id)
    samples = artifacts.samples(session, run_id)
    axes = _axes(samples) if samples is not None else []
    if not axes:
        return Frames(epochs=[], x=[], y=None, values=[])
    by_epoch = {
        epoch: _frame(fit, axes) for epoch, fit in artifacts.frames(session, run_id).items()
    }
    for epoch, fit in artifacts.snapshot_fits(session, run_id).items():
        by_epoch[epoch] = _at_frame_points(load(fit), axes)
    epochs = sorted(by_epoch)
    x, *y = ([_rounded(number) or 0.0 for number in axis.tolist()] for axis in axes)
    values = [[_rounded(number) for number in by_epoch[epoch].tolist()] for epoch in epochs]
    return Frames(epochs=epochs, x=x, y=y[0] if y else None, values=values)


def _axes(samples: bytes) -> list[FitArray]:
    data = load(samples)
    return [data[name] for name in ("frame_x", "frame_y") if name in data]


def _frame(fit: bytes, axes: Sequence[FitArray]) -> FitArray:
    """Return the values of a stored frame, flat: uint8 for classes, float32 for regression."""
    if len(fit) == prod(map(len, axes)):
        return np.frombuffer(fit, np.uint8) / LEVELS
    return np.frombuffer(fit, "<f4")


def _at_frame_points(fit: Mapping[str, FitArray], axes: Sequence[FitArray]) -> FitArray:
    """Return the fit of a snapshot at the points of a frame, flat. Its own grid is finer."""
    drawn = fit["prediction" if "prediction" in fit else "probability"]
    sizes = zip(drawn.shape, axes[::-1], strict=True)
    strides = tuple(slice(None, None, (size - 1) // (len(axis) - 1)) for size, axis in sizes)
    return drawn[strides].reshape(-1)


def _rounded(number: float) -> float | None:
    """Return a number with the digits that a drawing needs, None if it is not finite."""
    return float(f"{number:.4g}") if isfinite(number) else None
