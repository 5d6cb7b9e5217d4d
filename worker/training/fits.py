"""The fit of a model of one or two inputs: its values on a grid, and frames of it in training.

A frame is the fit at one of a few selected epochs, coarse and small, to watch a model as it learns.
The models of an ensemble are evaluated together at the end of such an epoch. The number of frames
depends on a run's specification alone and is chosen so that frames take a small share of the
training time.
"""

from dataclasses import dataclass

import numpy as np

from backend.series import Array
from backend.specification.data_sources import LEVELS
from backend.specification.run_spec import RunSpec
from worker.training.losses import LOSS_FUNCTIONS

CURVE_POINTS = 241  # of the grid over one input
PLANE_POINTS = 61  # along each axis of the grid over two inputs
MARGIN = 0.05  # beyond the data on each side, as a fraction of their range
MOST_FRAMES, FEWEST_FRAMES = 40, 12  # per run
TIME_SHARE = 0.05  # of the training time
EPOCH_PER_ROW = 2.5  # time of an epoch in units of evaluating on validation and test
STRIDE = {1: 4, 2: 2}  # by number of inputs: a frame has every 4th (2nd) point of each axis


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


def encode_fit_grid(grid: FitGrid, outputs: Array, loss: str) -> dict[str, Array]:
    """Return the arrays of a fit from the model's outputs [n, outputs] at the grid's points.

    They are the axes and the prediction or, for two classes, the probability of the second class.
    """
    names = ("x", "y")
    arrays = {name: axis.astype(np.float32) for name, axis in zip(names, grid.axes, strict=False)}
    if len(grid.axes) == 1:
        return {**arrays, "prediction": outputs[:, 0].astype(np.float32)}
    sides = [len(axis) for axis in grid.axes[::-1]]
    if outputs.shape[1] == 1:
        return {**arrays, "prediction": outputs.reshape(sides).astype(np.float32)}
    plane = probability(outputs, loss).reshape(sides)
    return {**arrays, "probability": plane.astype(np.float16)}


def probability(outputs: Array, loss: str) -> Array:
    """Return the probability of the second of two classes from outputs [..., 2].

    A model trained on squared error puts out approximate probabilities; any other puts out logits.
    """
    lead = outputs[..., 1] - outputs[..., 0]
    return LOSS_FUNCTIONS[loss].probability(lead)


def _axis(values: Array, points: int) -> Array:
    low, high = float(values.min()), float(values.max())
    margin = MARGIN * (high - low or 1.0)
    return np.linspace(low - margin, high + margin, points)


def frame_epochs(spec: RunSpec) -> frozenset[int]:
    """Return the epochs that get a frame, in geometric progression; none if a fit cannot be drawn.

    The best and the last epoch need none: their snapshots contain the fit.
    """
    epochs, dataset = spec.training.epochs, spec.dataset
    inputs = dataset.input_count
    if not dataset.drawable or not spec.optimizer.by_gradients:
        return frozenset()
    points = CURVE_POINTS // STRIDE[1] if inputs == 1 else (PLANE_POINTS // STRIDE[2]) ** 2
    rows = EPOCH_PER_ROW * (dataset.n_validation + dataset.n_test)
    count = max(FEWEST_FRAMES, min(MOST_FRAMES, int(TIME_SHARE * epochs * rows / points)))
    return frozenset(np.geomspace(1, epochs, count).round().astype(int).tolist())


def frame_axes(grid: FitGrid) -> dict[str, Array]:
    """Return the axes of the frames on a grid by name, in raw units."""
    step = STRIDE[len(grid.axes)]
    names = ("frame_x", "frame_y")
    return {
        name: axis[::step].astype(np.float32) for name, axis in zip(names, grid.axes, strict=False)
    }


def frame_inputs(grid: FitGrid | None, inputs: Array) -> Array:
    """Select the points of a frame [points, inputs] from model inputs at all points of a grid.

    The first axis runs fastest. Raises ValueError without a grid: the fit cannot be drawn.
    """
    if grid is None:
        raise ValueError("no frames can be drawn of this run")
    step = STRIDE[len(grid.axes)]
    lattice = inputs.reshape(*(len(axis) for axis in grid.axes[::-1]), -1)
    return lattice[(slice(None, None, step),) * len(grid.axes)].reshape(-1, lattice.shape[-1])


def encode_frames(outputs: Array, loss: str) -> list[bytes]:
    """Encode the frames of models from their outputs [models, points, outputs].

    Regression: the prediction as float32. Two classes: the probability of the second class in
    LEVELS steps as uint8.
    """
    if outputs.shape[-1] == 1:
        return [frame.tobytes() for frame in outputs[:, :, 0].astype("<f4")]
    levels = np.rint(LEVELS * probability(outputs, loss)).astype(np.uint8)
    return [frame.tobytes() for frame in levels]
