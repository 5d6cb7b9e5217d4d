"""Points that a tracker logged, with steps and times, as a history."""

from collections.abc import Mapping

import numpy as np

from backend.log_formats.axis_names import EPOCH_NAMES, counts_rounds, first_named
from backend.log_formats.history import History
from backend.pairing.axes import step_unit
from backend.pairing.logged_points import LoggedPoints, by_step
from backend.series import IntArray, Series


def history_of_points(
    metrics: Mapping[str, LoggedPoints],
    *,
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    name: str | None = None,
    unit: str | None = None,
) -> History | None:
    """Return the history of metrics over their steps; None if none has a point.

    After a restart the points of the earlier attempt are dropped. `unit` is found if it is None.
    """
    series: dict[str, Series] = {}
    times: dict[str, IntArray] = {}
    for key, points in metrics.items():
        if not len(points):
            continue
        ordered = by_step(points if points.is_curve else _counted(points))
        series[key], times[key] = ordered.series, ordered.timestamps
    if not series:
        return None
    return History(
        series, unit or _unit(series, params or {}), name, times=times, params=params or {},
        tags=tags or {},
    )  # fmt: skip


def _counted(points: LoggedPoints) -> LoggedPoints:
    """Return points that were logged without steps at steps from 1."""
    steps = np.arange(1, len(points) + 1)
    return LoggedPoints.of(steps, points.values, points.timestamps)


def _unit(series: Mapping[str, Series], params: Mapping[str, str]) -> str:
    """Return the word for a step: round of a booster, epoch or step."""
    if counts_rounds(series) or "num_boost_round" in params:
        return "round"
    longest = max(series.values(), key=len)
    epoch = first_named(series, EPOCH_NAMES)
    if epoch is not None and np.array_equal(series[epoch].steps, series[epoch].values):
        return "epoch"
    return step_unit(longest.steps, series)
