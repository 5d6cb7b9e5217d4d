"""Places that go back, as after a restart: dropped, or counted on if the training went on."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from backend.log_formats.columns import BoolArray, Points
from backend.pairing.series_names import parse_name
from backend.series import FloatArray

MAX_PHASES = 50
CLOSER = 0.5  # to the loss before than to the first loss: the same weights train on


@dataclass(frozen=True, eq=False)
class Continued:
    """The places of each column, counted on after places that start over at a row."""

    places: Mapping[str, FloatArray]
    row: int


def since_restarts(places: FloatArray) -> BoolArray:
    """Return which points to keep [n]: not those that a restart repeats.

    A restart returns to a known place; the points before it are dropped from that place on.
    """
    keep = np.ones(len(places), np.bool_)
    if len(places) < 2 or (np.diff(places) >= 0).all():
        return keep
    _, first, inverse = np.unique(places, return_index=True, return_inverse=True)
    returns = np.concatenate([[False], np.diff(places) < 0])
    returns &= first[inverse] < np.arange(len(places))
    goes_on_at = np.where(returns, places, np.inf)
    lowest_later = np.minimum.accumulate(goes_on_at[::-1])[::-1]
    return np.asarray(places < np.concatenate([lowest_later[1:], [np.inf]]))


def continued(places: Mapping[str, FloatArray], metrics: Mapping[str, Points]) -> Continued | None:
    """Return places counted on if numbering starts over while the train loss goes on, else None."""
    losses = [name for name in places if parse_name(name).is_loss]
    train = [name for name in losses if parse_name(name).part in ("train", None)]
    begins = {name: _begins(places[name]) for name in places}
    key = next((name for name in train if len(begins[name])), None)
    if key is None or len(begins[key]) > MAX_PHASES:
        return None
    values = metrics[key].values
    if not all(_goes_on(values, int(begin)) for begin in begins[key]):
        return None
    amounts = {len(each) for name, each in begins.items() if len(places[name])}
    if amounts != {len(begins[key])}:
        return None
    counted = {name: _counted_on(places[name], begins[name], places[key], begins[key])
               for name in places}  # fmt: skip
    return Continued(counted, int(metrics[key].rows[begins[key][0]]))


def _begins(places: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the indices at which the numbering starts over: at the first place."""
    if len(places) < 2:
        return np.empty(0, np.int64)
    back = np.flatnonzero((np.diff(places) < 0) & (places[1:] == places[0])) + 1
    return back.astype(np.int64)


def _goes_on(values: FloatArray, begin: int) -> bool:
    """Return whether a loss after a new beginning is near the loss before, not the first loss."""
    first, before, after = values[0], values[begin - 1], values[begin]
    return bool(abs(after - before) < CLOSER * abs(after - first))


def _counted_on(
    places: FloatArray, begins: np.ndarray[tuple[int], np.dtype[np.int64]], train: FloatArray,
    train_begins: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> FloatArray:  # fmt: skip
    """Return places raised by the lengths of the phases before."""
    counted = places.copy()
    ends = [float(train[begin - 1]) for begin in train_begins]
    for begin, end in zip(begins, ends, strict=False):
        counted[begin:] += end + 1 - train[0]
    return counted
