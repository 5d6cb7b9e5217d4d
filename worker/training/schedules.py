"""Schedules of the learning rate, which is the same for all steps of an epoch."""

import math

from backend.specification.hyperparameters import Training


def learning_rate(training: Training, epoch: int) -> float:
    """Return the learning rate of an epoch (counted from 1).

    cosine: half a cosine period, from the full rate in the first epoch towards 0 after the last
    (Loshchilov and Hutter 2017, eq. 5, without restarts). step: every `schedule_every` epochs the
    rate is multiplied by `schedule_factor`.
    """
    full = training.learning_rate or 0.0
    if training.schedule == "cosine":
        return full * (1 + math.cos(math.pi * (epoch - 1) / training.epochs)) / 2
    if training.schedule == "step" and training.schedule_every:
        return full * (training.schedule_factor or 1.0) ** ((epoch - 1) // training.schedule_every)
    return full
