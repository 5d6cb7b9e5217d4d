"""Schedules of the learning rate, which is the same for all steps of an epoch.

Each is a formula for the learning rate of an epoch, counted from 1, under the name of the schedule
in backend/specification/schedules.py.
"""

import math
from collections.abc import Callable

from backend.specification.hyperparameters import Training


def learning_rate(training: Training, epoch: int) -> float:
    """Return the learning rate of an epoch, counted from 1."""
    return SCHEDULE_FORMULAS[training.schedule or "constant"](training, epoch)


def _constant(training: Training, _: int) -> float:
    return training.learning_rate or 0.0


def _cosine(training: Training, epoch: int) -> float:
    """Follow half a cosine period, from the full rate in epoch 1 towards 0 after the last.

    Loshchilov and Hutter 2017, equation 5, without restarts.
    """
    full = training.learning_rate or 0.0
    return full * (1 + math.cos(math.pi * (epoch - 1) / training.epochs)) / 2


def _step(training: Training, epoch: int) -> float:
    """Multiply the rate by `schedule_factor` every `schedule_every` epochs."""
    full, every = training.learning_rate or 0.0, training.schedule_every or training.epochs
    return full * (training.schedule_factor or 1.0) ** ((epoch - 1) // every)


SCHEDULE_FORMULAS: dict[str, Callable[[Training, int], float]] = {
    "constant": _constant,
    "cosine": _cosine,
    "step": _step,
}
