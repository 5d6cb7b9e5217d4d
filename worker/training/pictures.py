"""The grid of points at which a model of one or two inputs is evaluated to draw its fit."""

from dataclasses import dataclass

import numpy as np

from backend.datasets.sequences import Array
from backend.specification.run_spec import LossName

CURVE_POINTS = 241
PLANE_POINTS = 61
MARGIN = 0.05  # beyond the data on each side, as a fraction of their range


@dataclass(frozen=True)
class FitGrid:
    """A grid in raw units: its axes [points] and all its points [n, inputs], x running fastest."""

    axes: tuple[Array, ...]
    points: Array


def make_grid(x: Array) -> FitGrid:
    """Return the grid that covers inputs [n, features] of one or two features."""
    count = CURVE_POINTS if x.shape[1] == 1 else PLANE_POINTS
    axes = tuple(_axis(column, count) for column in x.T)
    points = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, x.shape[1])
    return FitGrid(axes, points)


def encode_grid(picture: FitGrid, outputs: Array, loss: LossName) -> dict[str, Array]:
    """Return the arrays of a fit from the model's outputs [n, outputs] at the grid's points.

    They are the axes and the prediction or, for two classes, the probability of the second class.
    """
    names = ("x", "y")
    arrays = {
        name: axis.astype(np.float32) for name, axis in zip(names, picture.axes, strict=False)
    }
    if len(picture.axes) == 1:
        return {**arrays, "prediction": outputs[:, 0].astype(np.float32)}
    sides = [len(axis) for axis in picture.axes[::-1]]
    if outputs.shape[1] == 1:
        return {**arrays, "prediction": outputs.reshape(sides).astype(np.float32)}
    plane = probability(outputs, loss).reshape(sides)
    return {**arrays, "probability": plane.astype(np.float16)}


def probability(outputs: Array, loss: LossName) -> Array:
    """Return the probability of the second of two classes from outputs [..., 2].

    A model trained on squared error puts out approximate probabilities; any other puts out logits.
    """
    lead = outputs[..., 1] - outputs[..., 0]
    if loss == "mse":
        return np.asarray(np.clip((1 + lead) / 2, 0, 1))
    return np.asarray(1 / (1 + np.exp(np.clip(-lead, -80, 80))))


def _axis(values: Array, points: int) -> Array:
    low, high = float(values.min()), float(values.max())
    margin = MARGIN * (high - low or 1.0)
    return np.linspace(low - margin, high + margin, points)
