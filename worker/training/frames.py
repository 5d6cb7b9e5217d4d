"""Frames: a model's fit at chosen epochs, coarse and small, so that it can be watched as it learns.

At an epoch's end, the models of an ensemble are asked together. How many frames a run has is a
function of its specification alone, and such that they take a small share of the training.
"""

import numpy as np

from backend.datasets.sequences import Array
from backend.specification import cost
from backend.specification.run_spec import Loss, RunSpec
from backend.specification.sources import LEVELS, drawable
from worker.training.member import Member
from worker.training.pictures import CURVE_POINTS, PLANE_POINTS, probability

MOST, LEAST = 40, 12
SHARE = 0.05  # of the training, for the frames
EPOCH_PER_ROW = 2.5  # an epoch takes so many times as long as evaluating on validation and test
STRIDE = {1: 4, 2: 2}  # a frame has every so many-th point of the picture, by its inputs


def ladder(spec: RunSpec) -> frozenset[int]:
    """Return the epochs whose fit is kept, geometric from the first; none where none can be drawn.

    The best and the last epoch are kept anyway: by their snapshots.
    """
    epochs, dataset = spec.training.epochs, spec.dataset
    inputs = cost.inputs(spec.params())
    if not drawable(dataset.source, inputs) or spec.training.optimizer == "closed_form":
        return frozenset()
    points = CURVE_POINTS // STRIDE[1] if inputs == 1 else (PLANE_POINTS // STRIDE[2]) ** 2
    rows = EPOCH_PER_ROW * (dataset.n_validation + dataset.n_test)
    count = max(LEAST, min(MOST, int(SHARE * epochs * rows / points)))
    return frozenset(np.geomspace(1, epochs, count).round().astype(int).tolist())


def axes(member: Member) -> dict[str, Array]:
    """Return the axes of a member's frames by name, in raw units; none where none can be drawn."""
    picture, _ = member.picture
    if picture is None:
        return {}
    step = STRIDE[len(picture.axes)]
    names = ("frame_x", "frame_y")
    return {
        name: axis[::step].astype(np.float32)
        for name, axis in zip(names, picture.axes, strict=False)
    }


def features(member: Member) -> Array:
    """Return what a model takes at its frame's points [points, inputs], the first axis fastest."""
    picture, taken = member.picture
    if picture is None:
        raise ValueError("no frames can be drawn of this run")
    step = STRIDE[len(picture.axes)]
    grid = taken.reshape(*(len(axis) for axis in picture.axes[::-1]), -1)
    return grid[(slice(None, None, step),) * len(picture.axes)].reshape(-1, grid.shape[-1])


def encode(outputs: Array, loss: Loss) -> list[bytes]:
    """Return models' frames from their outputs [models, points, outputs].

    Regression: the prediction, float32. Two classes: the second's probability in LEVELS, uint8.
    """
    if outputs.shape[-1] == 1:
        return [each.tobytes() for each in outputs[:, :, 0].astype("<f4")]
    levels = np.rint(LEVELS * probability(outputs, loss)).astype(np.uint8)
    return [each.tobytes() for each in levels]
