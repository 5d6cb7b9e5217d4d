"""A run's metrics as CSV: a row for each step, a column for each metric."""

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from itertools import islice

from backend.store.metrics import Series

ROWS = 1000  # are written at a time


def lines(series: Mapping[str, Series]) -> Iterator[str]:
    """Return the text in portions; a field is empty where a metric has no number at a step."""
    by_step = [dict(zip(one.steps, one.values, strict=True)) for one in series.values()]
    steps = iter(sorted({step for values in by_step for step in values}))
    yield _written([["step", *series]])
    while some := list(islice(steps, ROWS)):
        yield _written([[step, *(values.get(step) for values in by_step)] for step in some])


def _written(rows: list[list[object]]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
