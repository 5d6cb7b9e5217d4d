"""The common axis of the train and the validation loss of a log, or the reason why it is missing.

Losses are never paired by the number of their rows if their steps count different things.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.log_formats.history import History, Unreadable
from backend.pairing import leftovers
from backend.pairing.axes import counts_differ, on_time
from backend.pairing.logged_points import LoggedPoints
from backend.pairing.name_pairs import NamePair
from backend.series import IntArray, Series

OTHER_COUNTER = 2  # last steps that differ by this factor count different things
COUNTED_ALIKE = "their steps count different things"
BEYOND = "validation: {:,} values after the last train loss, at {} {:,}, are left out"
DIFFERENT = (
    "{} goes to {} {:,} and {} to {:,}, so they count different things, such as batches and "
    "epochs; log both over the same steps"
)


@dataclass(frozen=True)
class Placed:
    """Both losses on one axis, the word for a step, and remarks on what was left out."""

    train: Series
    validation: Series
    unit: str
    remarks: tuple[str, ...] = ()


def on_common_axis(
    history: History, train: Series, validation: Series, pairs: Sequence[NamePair]
) -> Placed:
    """Return the losses on a common axis, without evaluations before and after training.

    Raises Unreadable if their steps count different things.
    """
    unit, names = history.unit, pairs[0]
    if np.array_equal(train.steps, validation.steps) or not len(train) or not len(validation):
        return Placed(train, validation, unit)
    if history.unpaired and len(train) != len(validation):
        raise Unreadable(history.unpaired)
    own_steps = _share_steps(train, validation)
    timed = [_timed(history, name) for name in names] if len(pairs) == 1 else []
    if not own_steps and (by_time := _by_time(timed)):
        return by_time
    if not own_steps and _count_differently(train.steps, validation.steps):
        raise Unreadable(
            DIFFERENT.format(names[0], unit, train.steps[-1], names[1], validation.steps[-1])
        )
    return _without_leftovers(train, validation, unit)


def _share_steps(train: Series, validation: Series) -> bool:
    """Return whether most validation steps are train steps, and reach as far."""
    shared = int(np.isin(validation.steps, train.steps).sum())
    far = OTHER_COUNTER * (int(validation.steps[-1]) + 1) > int(train.steps[-1])
    return 2 * shared >= len(validation) and far


def _by_time(timed: Sequence[LoggedPoints | None]) -> Placed | None:
    """Return losses paired by the time of logging, if only that pairs them."""
    if len(timed) < 2 or timed[0] is None or timed[1] is None:
        return None
    if not counts_differ(timed[0], timed[1]):
        return None
    placed = on_time(timed[0], timed[1], why=COUNTED_ALIKE)
    if placed is None:
        return None
    return Placed(placed.train, placed.validation, placed.unit, (placed.reason,))


def _timed(history: History, name: str) -> LoggedPoints | None:
    if name not in history.times:
        return None
    series = history.series[name]
    return LoggedPoints(series.steps, history.times[name], series.values)


def _count_differently(train: IntArray, validation: IntArray) -> bool:
    """Return whether the last steps differ by much though validation is logged as densely."""
    if len(train) < 2 or len(validation) < 2:
        return False
    spacing = [float(np.median(np.diff(steps))) for steps in (train, validation)]
    if train[-1] >= OTHER_COUNTER * (validation[-1] + 1):
        return spacing[1] <= spacing[0]
    return bool(validation[-1] >= OTHER_COUNTER * (train[-1] + 1)) and spacing[0] <= spacing[1]


def _without_leftovers(train: Series, validation: Series, unit: str) -> Placed:
    points = [LoggedPoints.of(each.steps, each.values) for each in (train, validation)]
    kept, unpaired = leftovers.drop_unpaired_ends(points[0], points[1])
    kept, checked = leftovers.drop_sanity_check(points[0], kept)
    remarks = [leftovers.AFTER_TRAINING] * unpaired + [leftovers.BEFORE_TRAINING] * checked
    beyond = int((kept.steps > train.steps[-1]).sum())
    if beyond > 1 and len(kept) - beyond > 1 and beyond >= 0.1 * len(kept):
        kept = kept.take(kept.steps <= train.steps[-1])
        remarks.append(BEYOND.format(beyond, unit, int(train.steps[-1])))
    return Placed(train, kept.series, unit, tuple(remarks))
