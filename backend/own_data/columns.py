"""The values and the description of one column, from the column as it was read.

Text becomes numbers, truth values or times if every value of the column is one, else categories.
"""

import re
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from backend.datasets.column_files import EMPTY_CATEGORY
from backend.datasets.table_facts import ColumnFacts, ColumnKind
from backend.own_data.errors import RefusedTable, row_and_column
from backend.own_data.limits import MAX_LABEL_CHARACTERS, MAX_LABELS
from backend.series import Array

MISSING = ("", "na", "n/a", "nan", "null", "none", "nil", "-", "?", "#n/a")
TRUTHS = {"true": 1.0, "false": 0.0}  # other words, such as yes and no, are kept as categories
DATE = re.compile(r"\d{4}-\d{2}-\d{2}([ T].*)?")
TOP_VALUES = 8
HISTOGRAM_BINS = 20
NAMES_ROWS = "Almost every row has a value of its own, so the column is not used as an input."
MOSTLY = 0.9  # of the values of a text column: if as many are numbers, the others are named
SINGULAR = 0.5  # of the rows: a text column with more different values names rows


@dataclass(frozen=True)
class Column:
    """A column: its facts, values, the names of its categories, and what a preview shows.

    `top` are its most frequent values, each with its number of rows. `histogram` counts values
    in equal steps from `low` to `high`. `note` is a remark for a person.
    """

    facts: ColumnFacts
    values: Array
    labels: Array | None = None
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    top: list[tuple[str, int]] = field(default_factory=list)
    histogram: list[int] = field(default_factory=list)
    note: str | None = None

    def preview(self) -> dict[str, object]:
        """Return what a preview shows in addition to the facts."""
        return {
            "low": self.low, "high": self.high, "mean": self.mean,
            "top": self.top, "histogram": self.histogram, "note": self.note,
        }  # fmt: skip


def read_column(series: pl.Series, *, comma: bool) -> Column:
    """Return a column. Raises RefusedTable for values of another type."""
    kind = series.dtype
    if kind == pl.Boolean:
        return _numbers(series.cast(pl.Float64), "truth")
    if kind.is_numeric() or kind == pl.Null:
        return _numbers(series.cast(pl.Float64), "number")
    if kind == pl.Datetime or kind == pl.Date:
        return _numbers(_seconds(series), "time")
    if kind in (pl.Duration, pl.Time):
        return _numbers(series.to_physical().cast(pl.Float64), "number")
    if kind == pl.String or kind == pl.Categorical or isinstance(kind, pl.Enum):
        return _text(series.cast(pl.String), comma=comma)
    raise RefusedTable(
        f'Column "{series.name}" holds {str(kind).lower()} values; accepted: numbers, texts, '
        "truth values and times."
    )


def _seconds(series: pl.Series) -> pl.Series:
    return series.cast(pl.Datetime("ms")).to_physical().cast(pl.Float64) / 1000


def _numbers(series: pl.Series, kind: ColumnKind, note: str | None = None) -> Column:
    values = series.to_numpy().astype(np.float64, copy=False)
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        where = row_and_column(int(infinite[0]) + 1, series.name)
        raise RefusedTable(f"An infinite number is in {where}; accepted: finite numbers.")
    known = values[~np.isnan(values)]
    distinct, largest, top = _counts(pl.Series(known))
    facts = ColumnFacts(series.name, kind, distinct, len(values) - len(known), largest)
    if not len(known):
        return Column(facts, _smallest(values), note="The column is empty.")
    low, high = float(known.min()), float(known.max())
    counts = np.histogram(known, HISTOGRAM_BINS, (low, high))[0] if low < high else known[:0]
    return Column(
        facts, _smallest(values), low=low, high=high, mean=float(known.mean()),
        top=[(f"{value:.6g}", count) for value, count in top],
        histogram=[int(count) for count in counts], note=note,
    )  # fmt: skip


def _smallest(values: Array) -> Array:
    """Return values in single precision if that changes none of them."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    return single if np.array_equal(single.astype(np.float64), values, equal_nan=True) else values


def _counts(known: pl.Series) -> tuple[int, int, list[tuple[float, int]]]:
    """Return the number of different values, the rows of the most frequent one, and top values.

    If most values are different, the second number is an upper bound.
    """
    distinct = known.n_unique() if len(known) else 0
    if distinct > max(MAX_LABELS, len(known) // 2):
        return distinct, len(known) - distinct + 1, []
    counts = known.value_counts(name="rows")
    if distinct > MAX_LABELS:
        return distinct, int(counts["rows"].to_numpy().max()), []
    top = counts.sort("rows", descending=True).head(TOP_VALUES)
    pairs = [(value, int(rows)) for value, rows in top.iter_rows()]
    return distinct, pairs[0][1] if pairs else 0, pairs


def _text(series: pl.Series, *, comma: bool) -> Column:
    texts = series.str.strip_chars()
    is_missing = texts.str.to_lowercase().is_in(MISSING)
    texts = pl.select(pl.when(~is_missing).then(texts)).to_series().alias(series.name)
    known = len(texts) - texts.null_count()
    numbers = _as_numbers(texts, comma=comma)
    unread = known - (len(numbers) - numbers.null_count())
    if not unread:
        return _numbers(numbers, "number")
    lowered = texts.str.to_lowercase()
    if lowered.drop_nulls().is_in(list(TRUTHS)).all():
        return _numbers(lowered.replace_strict(TRUTHS, return_dtype=pl.Float64), "truth")
    first = texts.drop_nulls().first()
    if isinstance(first, str) and DATE.fullmatch(first):
        times = _as_times(texts)
        if times is not None and times.null_count() == texts.null_count():
            return _numbers(_seconds(times), "time")
    note = _odd_value(texts, numbers) if unread < (1 - MOSTLY) * known else None
    return _categories(texts, note)


def _as_numbers(texts: pl.Series, *, comma: bool) -> pl.Series:
    numbers = texts.cast(pl.Float64, strict=False)
    if comma and numbers.null_count() > texts.null_count():
        with_point = texts.str.replace(",", ".", literal=True)
        numbers = with_point.cast(pl.Float64, strict=False)
    return numbers


def _as_times(texts: pl.Series) -> pl.Series | None:
    try:
        return texts.str.to_datetime(strict=False, time_unit="ms", time_zone=None)
    except pl.exceptions.PolarsError:
        return None


def _odd_value(texts: pl.Series, numbers: pl.Series) -> str:
    """Name the first value that keeps a column from being numbers."""
    row = int((numbers.is_null() & texts.is_not_null()).arg_max() or 0)
    return f'The column is text because of "{texts[row][:40]}" in row {row + 1:,}.'


def _categories(texts: pl.Series, note: str | None) -> Column:
    codes = texts.rank("dense").cast(pl.Int32) - 1
    values = codes.fill_null(EMPTY_CATEGORY).to_numpy()
    missing, distinct = texts.null_count(), int(values.max()) + 1
    _, largest, _ = _counts(codes.drop_nulls())
    labels = None
    top: list[tuple[str, int]] = []
    if distinct <= MAX_LABELS:
        names = texts.drop_nulls().unique().sort()
        labels = np.array([name[:MAX_LABEL_CHARACTERS] for name in names])
        counts = texts.drop_nulls().value_counts(sort=True, name="rows").head(TOP_VALUES)
        top = [(str(name)[:MAX_LABEL_CHARACTERS], int(rows)) for name, rows in counts.iter_rows()]
    names_rows = distinct > max(TOP_VALUES, SINGULAR * len(texts))
    if names_rows:
        note = note or NAMES_ROWS
    facts = ColumnFacts(texts.name, "category", distinct, missing, largest, used=not names_rows)
    return Column(facts, values, labels, top=top, note=note)
