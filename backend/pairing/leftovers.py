"""Points that are not part of training: restored weights, evaluations before and after it."""

import numpy as np
from numpy.typing import NDArray

from backend.pairing.logged_points import LoggedPoints
from backend.series import FloatArray

RESTORED = (
    "the last point repeats an earlier one, as clients log it when they restore the best weights; "
    "it is left out"
)
AFTER_TRAINING = "validation: an evaluation after training is left out"
BEFORE_TRAINING = "validation: an evaluation before training is left out"


def drop_after_training(
    train: LoggedPoints, validation: LoggedPoints, ended_at: int | None
) -> LoggedPoints:
    """Return validation points without those logged after the end of training.

    `ended_at` is the timestamp of the record that a client logs when training ends, None without.
    """
    if ended_at is None or (train.timestamps > ended_at).any():
        return validation
    return validation.take(validation.timestamps <= ended_at)


def drop_unpaired_ends(train: LoggedPoints, validation: LoggedPoints) -> tuple[LoggedPoints, bool]:
    """Drop a last validation point beyond train loss; return whether one was dropped.

    The point is an evaluation after training, or its epoch is not complete yet. It counts only if
    all other validation points have a train loss at their step. Steps ascend.
    """
    if len(validation) < 2 or not len(train) or validation.steps[-1] <= train.steps[-1]:
        return validation, False
    if not np.isin(validation.steps[:-1], train.steps).all():
        return validation, False
    return validation.take(slice(0, -1)), True


def drop_sanity_check(train: LoggedPoints, validation: LoggedPoints) -> tuple[LoggedPoints, bool]:
    """Drop a validation point at step 0 before the first train point: Lightning's sanity check.

    Return whether one was dropped. Steps ascend.
    """
    if len(validation) < 3 or not len(train) or validation.steps[0] != 0:
        return validation, False
    lone = validation.steps[0] < train.steps[0] <= validation.steps[1]
    return (validation.take(slice(1, None)), True) if lone else (validation, False)


def has_restored_row(train: LoggedPoints, validation: LoggedPoints, stopped_at: int | None) -> bool:
    """Return whether the last row repeats the row of the restored weights. Steps ascend.

    The row must follow `stopped_at`, the step at which early stopping fired, and equal an earlier
    row. If that step is not known, the row must equal the best one, and differ from the one before
    it.
    """
    if len(validation) < 3:
        return False
    rows = np.column_stack([train.series.values_at(validation.steps), validation.values])
    same = _equal(rows[:-1], rows[-1])
    if not same.any():
        return False
    if stopped_at is not None:
        return int(validation.steps[-1]) in (stopped_at + 1, int(validation.steps[-2]) + 1)
    finite = np.where(np.isfinite(validation.values), validation.values, np.inf)
    return bool(same[int(finite[:-1].argmin())] and not same[-1])


def _equal(rows: FloatArray, row: FloatArray) -> NDArray[np.bool_]:
    """Return for each of rows [n, 2] whether it equals a row [2]; missing values are equal."""
    same = (rows == row) | (np.isnan(rows) & np.isnan(row))
    return np.asarray(same.all(axis=1))
