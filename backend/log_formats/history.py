"""A history as read from a log: named series over steps."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from unicodedata import category

from backend.errors import InvalidInput
from backend.series import Series


class Unreadable(InvalidInput):
    """A log that cannot be read, with one sentence that says why."""


class Ambiguous(Unreadable):
    """A history with several pairs of losses, of which one has to be named."""


@dataclass(frozen=True)
class History:
    """Named series over `unit`s, epochs or steps. `name` tells histories of one file apart.

    `remarks` say what was left out, `unread` what of single series. Names keep nothing that a
    terminal would obey or not show.
    """

    series: Mapping[str, Series]
    unit: str = "epoch"
    name: str | None = None
    remarks: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shown = {_shown(name): values for name, values in self.series.items()}
        object.__setattr__(self, "series", shown)
        told = {_shown(name): _shown(remark) for name, remark in self.unread.items()}
        object.__setattr__(self, "unread", told)
        object.__setattr__(self, "name", None if self.name is None else _shown(self.name))


EPOCH = ("epoch", "epochs", "ep")
STEP = (
    "step", "global_step", "_step", "steps", "trainer/global_step", "iteration", "iter", "iters",
    "batch",
)  # fmt: skip
PARTS = ("phase", "split", "mode", "stage", "subset")
FARTHEST = 1 << 53  # steps; beyond, floats skip whole numbers
AGAIN = "earlier rows: {} goes back, as of a run begun anew or resumed; what comes last is read"
SHORT = 100  # letters of a refused value that are shown


def _shown(name: str) -> str:
    """Replace control and format characters, and halves of surrogate pairs."""
    return "".join("\ufffd" if category(c) in ("Cc", "Cf", "Cs") else c for c in name)


def parse_number(value: Any) -> float | None:
    """Return a value as a number, NaN included; None where it is blank or no number."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def is_whole_step(value: float) -> bool:
    """Whether a number can be an epoch or a step: whole, and not so large that it is inexact."""
    return math.isfinite(value) and value == int(value) and abs(value) < FARTHEST


def from_rows(rows: Iterable[Mapping[str, Any]], name: str | None = None) -> History | None:
    """Return the history of records, each a mapping from names to values; None without numbers.

    The epoch is what series run over if no validation loss comes twice in one, else the step, else
    the row's number. Several train losses in one epoch are averaged. Where a series goes back to an
    epoch it has had, as of a run that was resumed or begun anew, the later rows count.
    """
    columns: dict[str, list[tuple[int, float]]] = {}
    words: dict[str, list[str]] = {}
    for index, row in enumerate(map(_with_part, rows)):
        for column, value in row.items():
            if (found := parse_number(value)) is not None:
                columns.setdefault(column, []).append((index, found))
            elif isinstance(value, str) and value.strip() not in ("", column):  # a header again
                words.setdefault(column, []).append(value)
    epoch, step = (_named(columns, names) for names in (EPOCH, STEP))
    values = {column: each for column, each in columns.items() if column not in (epoch, step)}
    if not values:
        return None
    unread = {name: _left_out(name, words[name]) for name in values if name in words}
    for axis, unit in ((epoch, "epoch"), (step, "step")):
        places = _places(columns[axis]) if axis else {}
        latest = {c: _latest(v, places) for c, v in values.items()}
        if axis and _fits(latest, places, unit):
            again = any(len(latest[c]) < len(v) for c, v in values.items())
            remarks = (AGAIN.format(axis),) if again else ()
            series = {c: _averaged(v, places) for c, v in latest.items()}
            return History(series, unit, name, remarks, unread)
    unit = "epoch" if not (epoch or step) else "row"
    series = {c: Series.of([i + 1 for i, _ in v], [x for _, x in v]) for c, v in values.items()}
    return History(series, unit, name, unread=unread)


def _left_out(name: str, texts: Sequence[str]) -> str:
    rows = "1 row is" if len(texts) == 1 else f"{len(texts):,} rows are"
    others = "is no number" if len(set(texts)) == 1 else "and others are no numbers"
    return f'{name}: {rows} left out, as "{texts[0][:SHORT]}" {others}'


def _with_part(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put the part a record speaks of before its names: {"phase": "val", "loss": 1} is val/loss."""
    for column in row:
        if column.lower() in PARTS and isinstance(row[column], str) and row[column].strip():
            axes = (*EPOCH, *STEP)
            part = row[column].strip()
            return {c if c.lower() in axes else f"{part}/{c}": v for c, v in row.items()}
    return row


def _named(columns: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((c for name in names for c in columns if c.lower() == name), None)


def _places(column: list[tuple[int, float]]) -> dict[int, int]:
    """Return the place on the axis of each row that has one, where all are whole numbers."""
    if all(is_whole_step(value) for _, value in column):
        return {index: int(value) for index, value in column}
    return {}


def _fits(
    values: Mapping[str, list[tuple[int, float]]], places: Mapping[int, int], unit: str
) -> bool:
    """Whether an axis tells the values apart: no series but train comes twice at one place."""
    for column, points in values.items():
        at = [places[index] for index, _ in points if index in places]
        if len(at) < len(points) or len(set(at)) < 2 <= len(points):
            return False
        often = "train" in column.lower() or column.lower() in ("loss", "lr", "learning_rate")
        if len(set(at)) < len(at) and not (unit == "epoch" and often):
            return False
    return True


def _latest(points: list[tuple[int, float]], places: Mapping[int, int]) -> list[tuple[int, float]]:
    """Leave out what was recorded before a series went back to a place, from that place on."""
    kept: list[tuple[int, float]] = []
    seen: set[int] = set()
    before = -FARTHEST
    for point in points:
        at = places.get(point[0])
        if at is None:
            return points
        if at < before and at in seen:
            kept = [one for one in kept if places[one[0]] < at]
            seen = {places[index] for index, _ in kept}
        kept.append(point)
        seen.add(at)
        before = at
    return kept


def _averaged(points: list[tuple[int, float]], places: Mapping[int, int]) -> Series:
    gathered: dict[int, list[float]] = {}
    for index, value in points:
        gathered.setdefault(places[index], []).append(value)
    return Series.from_mapping({place: sum(v) / len(v) for place, v in gathered.items()})
