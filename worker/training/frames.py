"""Frames: a model's fit at selected epochs, coarse and small, to watch a model as it learns.

The models of an ensemble are evaluated together at the end of such an epoch. The number of frames
depends on a run's specification alone and is chosen so that frames take a small share of the
training time.
"""

import numpy as np

from backend.datasets.sequences import Array
from backend.specification import cost
from backend.specification.run_spec import LossName, RunSpec
from backend.specification.sources import LEVELS, drawable
from worker.training.member import GroupMember
from worker.training.pictures import CURVE_POINTS, PLANE_POINTS, probability

MOST_FRAMES, FEWEST_FRAMES = 40, 12  # per run
TIME_SHARE = 0.05  # of the training time
EPOCH_PER_ROW = 2.5  # time of an epoch in units of evaluating on validation and test
STRIDE = {1: 4, 2: 2}  # by number of inputs: a frame has every 4th (2nd) point of each axis


def frame_epochs(spec: RunSpec) -> frozenset[int]:
    """Return the epochs that get a frame, in geometric progression; none if a fit cannot be drawn.

    The best and the last epoch need none: their snapshots contain the fit.
    """
    epochs, dataset = spec.training.epochs, spec.dataset
    inputs = cost.inputs(spec.params())
    if not drawable(dataset.source, inputs) or spec.training.optimizer == "closed_form":
        return frozenset()
    points = CURVE_POINTS // STRIDE[1] if inputs == 1 else (PLANE_POINTS // STRIDE[2]) ** 2
    rows = EPOCH_PER_ROW * (dataset.n_validation + dataset.n_test)
    count = max(FEWEST_FRAMES, min(MOST_FRAMES, int(TIME_SHARE * epochs * rows / points)))
    return frozenset(np.geomspace(1, epochs, count).round().astype(int).tolist())


def frame_axes(member: GroupMember) -> dict[str, Array]:
    """Return the axes of a member's frames by name, in raw units; empty if it cannot be drawn."""
    picture, _ = member.picture
    if picture is None:
        return {}
    step = STRIDE[len(picture.axes)]
    names = ("frame_x", "frame_y")
    return {
        name: axis[::step].astype(np.float32)
        for name, axis in zip(names, picture.axes, strict=False)
    }


def frame_inputs(member: GroupMember) -> Array:
    """Return the model inputs at the points of a frame [points, inputs], the first axis fastest.

    Raises ValueError if the fit cannot be drawn.
    """
    picture, inputs = member.picture
    if picture is None:
        raise ValueError("no frames can be drawn of this run")
    step = STRIDE[len(picture.axes)]
    grid = inputs.reshape(*(len(axis) for axis in picture.axes[::-1]), -1)
    return grid[(slice(None, None, step),) * len(picture.axes)].reshape(-1, grid.shape[-1])


def encode_frames(outputs: Array, loss: LossName) -> list[bytes]:
    """Encode the frames of models from their outputs [models, points, outputs].

    Regression: the prediction as float32. Two classes: the probability of the second class in
    LEVELS steps as uint8.
    """
    if outputs.shape[-1] == 1:
        return [frame.tobytes() for frame in outputs[:, :, 0].astype("<f4")]
    levels = np.rint(LEVELS * probability(outputs, loss)).astype(np.uint8)
    return [frame.tobytes() for frame in levels]
