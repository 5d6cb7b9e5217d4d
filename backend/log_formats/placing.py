"""The series of a table: its columns over epochs, steps or rounds, whichever orders its rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from backend.log_formats.axis_names import (
    EPOCH_NAMES,
    INDEX,
    STEP_NAMES,
    counts_rounds,
    first_named,
    is_axis,
    plain,
)
from backend.log_formats.columns import Points, Table
from backend.log_formats.history import History, not_numbers
from backend.log_formats.numbers import MAX_STEP
from backend.log_formats.restarts import continued, since_restarts
from backend.pairing.series_names import parse_name
from backend.series import FloatArray, Series

NEAR_WHOLE = 0.05  # transformers logs 2.97 for epoch 3
MOST = 0.5  # of the values must have a place on an axis
WENT_BACK = (
    "earlier rows: {} goes back, as after a restart; only the later rows of an epoch are read"
)
CONTINUED = "{} starts over in row {:,} and the losses go on, so the later rows are counted on"
AVERAGED = "several validation values of an epoch are averaged"
NO_AXIS = "it has no column of epochs or steps, so rows are counted"
FRACTIONS = "its epochs are fractions, so evaluations are counted"

Metrics = Mapping[str, Points]


@dataclass(frozen=True, eq=False)
class Axis:
    """The place of each row [length], NaN where it has none, and the word for a place."""

    name: str
    unit: str
    places: FloatArray


def history_of(table: Table, name: str | None = None) -> History | None:
    """Return the history of a table of one run, None without numbers.

    Series run over the epoch, unless a validation loss has two values in one epoch; then over the
    step, and without steps over the number of the row. Several train losses of one epoch are
    averaged. If a series goes back to an earlier epoch, as after a restart, the later rows count.
    """
    metrics = {
        column: without_gaps(points)
        for column, points in table.numbers.items()
        if not is_axis(column)
    }
    if not metrics:
        return None
    axes = list(_axes(table, metrics))
    unread = {column: not_numbers(column, list(table.texts[column].values()))
              for column in metrics if table.texts.get(column)}  # fmt: skip
    for axis in axes:
        if _orders(axis, metrics):
            return _on_axis(axis, metrics, table, name, unread)
    if axes and (axis := axes[0]).unit == "epoch" and _covers(axis, metrics):
        averaged = _on_axis(axis, metrics, table, name, unread)
        return replace(averaged, remarks=(*averaged.remarks, AVERAGED))
    return _by_row(table, metrics, name, unread, has_axis=bool(axes))


def without_gaps(points: Points) -> Points:
    """Drop the NaN of epochs without a validation, as between two evaluations.

    NaN at the end counts as divergence if there are more of them than in any gap before.
    """
    missing = np.isnan(points.values)
    if not missing.any() or missing.all():
        return points
    edges = np.flatnonzero(np.diff(missing.astype(np.int8)))
    lengths = np.diff(np.concatenate([[0], edges + 1, [len(missing)]]))
    gaps = lengths[int(not missing[0]) :: 2]
    inner = gaps[int(missing[0]) : len(gaps) - int(missing[-1])]
    if not len(inner):
        return points
    keep = ~missing
    if missing[-1] and gaps[-1] > inner.max():
        keep[-int(gaps[-1]) :] = True
    return points.take(keep)


def _axes(table: Table, metrics: Metrics) -> Iterator[Axis]:
    """Yield the axes that a table may have, the preferred first."""
    epoch, step = (first_named(table.numbers, names) for names in (EPOCH_NAMES, STEP_NAMES))
    if step is None and INDEX in table.numbers:
        step = INDEX
    found = [_axis(table, column, metrics) for column in (epoch, step) if column is not None]
    whole = [axis for axis in found if _is_whole(axis.places)]
    evaluated_by_step = any(plain(column).startswith("eval_") for column in metrics)
    if evaluated_by_step:
        whole.sort(key=lambda axis: axis.unit == "epoch")
    yield from whole
    if epoch is not None and not _is_whole(found[0].places):
        yield from _fractional(found[0], metrics)


def _axis(table: Table, column: str, metrics: Metrics) -> Axis:
    places = table.numbers[column].by_row(table.length)
    if plain(column) in EPOCH_NAMES or column == INDEX:
        unit = "epoch"
    else:
        rounds = "round" in plain(column) or plain(column) == "tree" or counts_rounds(metrics)
        unit = "round" if rounds else "step"
    return Axis(column, unit, _filled(places, metrics))


def _filled(places: FloatArray, metrics: Metrics) -> FloatArray:
    """Fill places down if the epoch has rows of its own, before those of the metrics."""
    known = ~np.isnan(places)
    if any(known[points.rows].any() for points in metrics.values()):
        return places
    last = np.maximum.accumulate(np.where(known, np.arange(len(places)), -1))
    return np.where(last >= 0, places[np.maximum(last, 0)], np.nan)


def _is_whole(places: FloatArray) -> bool:
    """Return whether all places are whole numbers, small enough to be exact."""
    known = places[~np.isnan(places)]
    return bool(len(known)) and bool(
        np.isfinite(known).all()
        and (known == np.rint(known)).all()
        and (abs(known) < MAX_STEP).all()
    )


def _fractional(axis: Axis, metrics: Metrics) -> Iterator[Axis]:
    """Yield fractions of epochs as whole ones. If validation has fractions, it is counted."""
    known = axis.places[~np.isnan(axis.places)]
    if not (np.abs(known) < MAX_STEP).all():
        return
    held_out = [points for name, points in metrics.items() if _is_held_out(name)]
    places = np.concatenate([axis.places[points.rows] for points in held_out] or [np.empty(0)])
    places = np.unique(places[np.isfinite(places)])
    if not len(places):
        return
    if (np.abs(places - np.rint(places)) <= NEAR_WHOLE).all():
        yield Axis(axis.name, "epoch", np.ceil(axis.places - NEAR_WHOLE))
        return
    counted = places.searchsorted(axis.places, side="left") + 1.0
    yield Axis(axis.name, "evaluation", np.where(np.isnan(axis.places), np.nan, counted))


def _is_held_out(name: str) -> bool:
    return parse_name(name).part in ("validation", "test")


def _covers(axis: Axis, metrics: Metrics) -> bool:
    """Return whether most values have a place, and there are several places."""
    known = ~np.isnan(axis.places)
    total = sum(len(points) for points in metrics.values())
    placed = sum(int(known[points.rows].sum()) for points in metrics.values())
    several = len(np.unique(axis.places[known])) > 1 or int(known.sum()) == total == len(metrics)
    return several and placed >= MOST * total


def _orders(axis: Axis, metrics: Metrics) -> bool:
    """Return whether an axis orders the values; only train metrics may repeat a place."""
    if not _covers(axis, metrics):
        return False
    for name, points in metrics.items():
        if axis.unit == "epoch" and not _is_held_out(name):
            continue
        places = axis.places[points.rows]
        on = points.take(~np.isnan(places))
        on = on.take(since_restarts(axis.places[on.rows]))
        if _repeats(axis.places[on.rows], on.values, at_end=True):
            return False
    return True


def _repeats(places: FloatArray, values: FloatArray, *, at_end: bool) -> bool:
    """Return whether a place has two values. A last value at the last place is allowed `at_end`."""
    if at_end and len(places) > 2 and places[-1] == places[-2]:
        places, values = places[:-1], values[:-1]
    _, first = np.unique(places, return_index=True)
    if len(first) == len(places):
        return False
    order = np.argsort(places, kind="stable")
    same = places[order][1:] == places[order][:-1]
    return bool((values[order][1:][same] != values[order][:-1][same]).any())


def _on_axis(
    axis: Axis, metrics: Metrics, table: Table, name: str | None, unread: Mapping[str, str]
) -> History:
    """Return the history over an axis. Rows without a place are left out."""
    notes = list(table.notes)
    known = ~np.isnan(axis.places)
    placed = {column: points.on(known) for column, points in metrics.items()}
    if lost := sum(len(points) for points in metrics.values()) - sum(map(len, placed.values())):
        notes.append(_left_out(axis, table, lost))
    joined = continued({c: axis.places[p.rows] for c, p in placed.items()}, placed)
    went_back = False
    series = {}
    for column, points in placed.items():
        if not len(points):
            continue
        places = joined.places[column] if joined else axis.places[points.rows]
        kept = since_restarts(places)
        went_back |= not kept.all()
        values = points.values[kept]
        series[column] = _series(places[kept], values, held_out=_is_held_out(column))
    if joined:
        notes.append(CONTINUED.format(axis.name, joined.row + 1))
    if went_back:
        notes.append(WENT_BACK.format(axis.name or "the index"))
    if axis.unit == "evaluation":
        notes.append(FRACTIONS)
    return History(series, axis.unit, name, tuple(notes), unread)


def _left_out(axis: Axis, table: Table, lost: int) -> str:
    """Return the note on rows without a place, such as one of means below the others."""
    texts = [text for text in table.texts.get(axis.name, {}).values() if text != axis.name]
    what = "1 value is" if lost == 1 else f"{lost:,} values are"
    if texts:
        return f'{what} left out, in rows whose {axis.name} is "{texts[0][:40]}"'
    return f"{what} left out, in rows without {axis.name or 'an index'}"


def _series(places: FloatArray, values: FloatArray, *, held_out: bool) -> Series:
    """Return values over places: means of those that share a place.

    A last validation at the last place is an evaluation after training; the value before it counts.
    """
    if held_out and len(places) > 2 and places[-1] == places[-2]:
        places, values = places[:-1], values[:-1]
    steps, inverse, amount = np.unique(places, return_inverse=True, return_counts=True)
    with np.errstate(invalid="ignore", over="ignore"):
        means = np.bincount(inverse, values, len(steps)) / np.maximum(amount, 1)
    return Series(steps.astype(np.int64), means)


def _by_row(
    table: Table, metrics: Metrics, name: str | None, unread: Mapping[str, str], *, has_axis: bool
) -> History:
    """Return the history over the numbers of rows, from 1, after the last repeated header."""
    first = table.restarts[-1] if table.restarts else 0
    notes = table.notes
    if first:
        notes = (*notes, HEADER_REPEATED)
    series = {}
    for column, points in metrics.items():
        kept = points.take(points.rows >= first)
        if len(kept):
            series[column] = Series(kept.rows - first + 1, kept.values)
    if has_axis:
        return History(series, "row", name, notes, unread)
    return History(series, "round" if counts_rounds(series) else "epoch", name, notes, unread)


HEADER_REPEATED = (
    "earlier rows: the header is repeated, as after a restart; only the rows after the last header "
    "are read"
)
