"""A run's fit over its epochs, for a slider: frames taken while it trained, best and last epoch."""

from collections.abc import Mapping, Sequence
from math import isfinite, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from safetensors.numpy import load
from sqlalchemy.orm import Session

from backend.specification.sources import LEVELS
from backend.store import artifacts, runs

Array = NDArray[Any]


class Frames(BaseModel):
    """Fits at ascending epochs over one grid, in raw units.

    Over one input, `values[i]` holds the prediction of `epochs[i]` at each `x`, null where it is no
    finite number, and `y` is null. Over two inputs it holds the prediction, or the probability of
    the second class in steps of 1/255: a row over `x` for the first `y`, then for the next, in one
    list. All is empty for a run with more inputs, or before its first frame.
    """

    epochs: list[int]
    x: list[float]
    y: list[float] | None
    values: list[list[float | None]]


def frames_of(session: Session, run_id: int) -> Frames:
    """Return a run's frames. Raises NotFound."""
    runs.get(session, run_id)
    samples = artifacts.samples(session, run_id)
    axes = _axes(samples) if samples is not None else []
    if not axes:
        return Frames(epochs=[], x=[], y=None, values=[])
    found = {epoch: _frame(fit, axes) for epoch, fit in artifacts.frames(session, run_id).items()}
    for epoch, fit in artifacts.snapshot_fits(session, run_id).items():
        found[epoch] = _thinned(load(fit), axes)
    epochs = sorted(found)
    x, *y = ([_rounded(number) or 0.0 for number in axis.tolist()] for axis in axes)
    values = [[_rounded(number) for number in found[epoch].tolist()] for epoch in epochs]
    return Frames(epochs=epochs, x=x, y=y[0] if y else None, values=values)


def _axes(samples: bytes) -> list[Array]:
    data = load(samples)
    return [data[name] for name in ("frame_x", "frame_y") if name in data]


def _frame(fit: bytes, axes: Sequence[Array]) -> Array:
    """Return a stored frame's values, flat: of classes a byte each, of regression four."""
    if len(fit) == prod(map(len, axes)):
        return np.frombuffer(fit, np.uint8) / LEVELS
    return np.frombuffer(fit, "<f4")


def _thinned(fit: Mapping[str, Array], axes: Sequence[Array]) -> Array:
    """Return a snapshot's fit at the points of a frame, flat: every so many-th of its own."""
    drawn = fit["prediction" if "prediction" in fit else "probability"]
    sizes = zip(drawn.shape, axes[::-1], strict=True)
    every = tuple(slice(None, None, (size - 1) // (len(axis) - 1)) for size, axis in sizes)
    return drawn[every].reshape(-1)


def _rounded(number: float) -> float | None:
    """Return a number with as many digits as a drawing needs; None if it is not finite."""
    return float(f"{number:.4g}") if isfinite(number) else None
