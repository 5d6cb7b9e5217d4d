"""The history that is read from a log: named series over epochs or steps."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from unicodedata import category

from backend import work_budget
from backend.errors import InvalidInput
from backend.series import IntArray, Series

EPOCH_NAMES = ("epoch", "epochs", "ep")
STEP_NAMES = (
    "step", "global_step", "_step", "steps", "trainer/global_step", "iteration", "iter", "iters",
    "batch",
)  # fmt: skip
PART_NAMES = ("phase", "split", "mode", "stage", "subset")
MAX_STEP = 1 << 53  # beyond, floats cannot represent every whole number
WENT_BACK = (
    "earlier rows: {} goes back, as after a restart; only the later rows of an epoch are read"
)
MAX_SHOWN_CHARACTERS = 100  # of a name or a refused value in a message

Points = list[tuple[int, float]]
"""Values of a column, each with the index of its row."""


class Unreadable(InvalidInput):
    """A log that cannot be read, with one sentence that gives the reason."""


class Ambiguous(Unreadable):
    """A history with several pairs of losses, of which the user has to name one."""


@dataclass(frozen=True)
class History:
    """Named series over steps; `unit` is the word for a step: epoch, step or row.

    `name` distinguishes the histories of one file. `remarks` describe the rows left out of all
    series, `unread` those left out of single ones. `times` are the Unix times in milliseconds of
    the points of a series, where the log has them; `params` and `tags` are those of the run.
    Control characters are removed from all names, so that a terminal does not obey them.
    """

    series: Mapping[str, Series]
    unit: str = "epoch"
    name: str | None = None
    remarks: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, IntArray] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        series = {_printable(name): values for name, values in self.series.items()}
        object.__setattr__(self, "series", series)
        unread = {_printable(name): _printable(text) for name, text in self.unread.items()}
        object.__setattr__(self, "unread", unread)
        object.__setattr__(self, "name", None if self.name is None else _printable(self.name))


def _printable(name: str) -> str:
    """Replace control and format characters, and halves of surrogate pairs."""
    return "".join("\ufffd" if category(c) in ("Cc", "Cf", "Cs") else c for c in name)


def parse_number(value: object) -> float | None:
    """Return a value as a number, NaN included; None if it is blank or not a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def is_whole_step(value: float) -> bool:
    """Return whether a number can be an epoch or a step: whole, and small enough to be exact."""
    return math.isfinite(value) and value == int(value) and abs(value) < MAX_STEP


def from_rows(rows: Iterable[Mapping[str, object]], name: str | None = None) -> History | None:
    """Return the history of records, each a mapping from names to values; None without numbers.

    Series run over the epoch, unless a validation loss has two values in one epoch; then over the
    step, and without steps over the number of the row. Several train losses of one epoch are
    averaged. If a series goes back to an earlier epoch, as after a restart, the later rows count.
    """
    columns, texts = _columns(rows)
    epoch, step = (_column_named(columns, names) for names in (EPOCH_NAMES, STEP_NAMES))
    values = {column: points for column, points in columns.items() if column not in (epoch, step)}
    if not values:
        return None
    unread = {column: _left_out(column, texts[column]) for column in values if column in texts}
    for axis, unit in ((epoch, "epoch"), (step, "step")):
        steps = _steps_by_row(columns[axis]) if axis else {}
        latest = {column: _latest(points, steps) for column, points in values.items()}
        if axis and _fits(latest, steps, unit):
            went_back = any(len(latest[column]) < len(values[column]) for column in values)
            remarks = (WENT_BACK.format(axis),) if went_back else ()
            series = {column: _averaged(points, steps) for column, points in latest.items()}
            return History(series, unit, name, remarks, unread)
    unit = "epoch" if not (epoch or step) else "row"
    series = {
        column: Series.of([index + 1 for index, _ in points], [value for _, value in points])
        for column, points in values.items()
    }
    return History(series, unit, name, unread=unread)


def _columns(
    rows: Iterable[Mapping[str, object]],
) -> tuple[dict[str, Points], dict[str, list[str]]]:
    """Return the numbers of each column, and the texts that are not numbers."""
    numbers: dict[str, Points] = {}
    texts: dict[str, list[str]] = {}
    for index, row in enumerate(map(_with_part, rows)):
        work_budget.check()
        for column, value in row.items():
            if (number := parse_number(value)) is not None:
                numbers.setdefault(column, []).append((index, number))
            elif isinstance(value, str) and value.strip() not in ("", column):  # repeated header
                texts.setdefault(column, []).append(value)
    return numbers, texts


def _left_out(column: str, texts: Sequence[str]) -> str:
    rows = "1 row is" if len(texts) == 1 else f"{len(texts):,} rows are"
    example = f'"{texts[0][:MAX_SHOWN_CHARACTERS]}"'
    if len(set(texts)) == 1:
        return f"{column}: {rows} left out, as {example} is not a number"
    return f"{column}: {rows} left out, as {example} and others are not numbers"


def _with_part(row: Mapping[str, object]) -> Mapping[str, object]:
    """Prefix names with the part of a record: {"phase": "val", "loss": 1} becomes val/loss."""
    for column, value in row.items():
        if column.lower() in PART_NAMES and isinstance(value, str) and value.strip():
            axes = (*EPOCH_NAMES, *STEP_NAMES)
            part = value.strip()
            return {c if c.lower() in axes else f"{part}/{c}": v for c, v in row.items()}
    return row


def _column_named(columns: Iterable[str], names: tuple[str, ...]) -> str | None:
    """Return the column with the first of some names that a column has."""
    by_name = {column.lower(): column for column in reversed(list(columns))}
    return next((by_name[name] for name in names if name in by_name), None)


def _steps_by_row(column: Points) -> dict[int, int]:
    """Return the step of each row that has one; empty unless all are whole numbers."""
    if all(is_whole_step(value) for _, value in column):
        return {index: int(value) for index, value in column}
    return {}


def _fits(columns: Mapping[str, Points], steps: Mapping[int, int], unit: str) -> bool:
    """Return whether an axis orders the values; only train metrics may repeat a step."""
    for column, points in columns.items():
        at = [steps[index] for index, _ in points if index in steps]
        if len(at) < len(points) or len(set(at)) < 2 <= len(points):
            return False
        repeats = "train" in column.lower() or column.lower() in ("loss", "lr", "learning_rate")
        if len(set(at)) < len(at) and not (unit == "epoch" and repeats):
            return False
    return True


def _latest(points: Points, steps: Mapping[int, int]) -> Points:
    """Drop the points that a restart repeats: those from the step that a series goes back to."""
    latest: Points = []
    seen: set[int] = set()
    before, ascending = -MAX_STEP, True
    for point in points:
        at = steps.get(point[0])
        if at is None:
            return points
        if at < before and at in seen:
            if ascending:
                while latest and steps[latest[-1][0]] >= at:
                    seen.discard(steps[latest.pop()[0]])
            else:
                work_budget.check()
                latest = [earlier for earlier in latest if steps[earlier[0]] < at]
                seen = {steps[index] for index, _ in latest}
        elif at < before:
            ascending = False
        latest.append(point)
        seen.add(at)
        before = at
    return latest


def _averaged(points: Points, steps: Mapping[int, int]) -> Series:
    by_step: dict[int, list[float]] = {}
    for index, value in points:
        by_step.setdefault(steps[index], []).append(value)
    return Series.from_mapping(
        {step: sum(values) / len(values) for step, values in by_step.items()}
    )
