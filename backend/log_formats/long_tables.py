"""Long tables: a row per value, with columns for the name of the metric and for its value."""

from dataclasses import replace

import numpy as np

from backend.log_formats.axis_names import KEY_NAMES, VALUE_NAMES, first_named, plain
from backend.log_formats.columns import Points, Table

MAX_METRICS = 20_000
TYPE_NAMES = ("attribute_type",)
"""The column in which Neptune's exporter tells series from single values."""


def pivoted(table: Table) -> Table:
    """Return a long table with a column for each metric, any other table unchanged."""
    value = first_named(table.numbers, VALUE_NAMES)
    key = first_named(table.texts, KEY_NAMES)
    if value is None or key is None or key in table.numbers:
        return table
    names = dict(table.texts[key])
    variant = next((name for name in table.texts if plain(name) == "variant"), None)
    if variant is not None:  # ClearML: metric loss, variant train
        names = {row: f"{text}/{table.texts[variant].get(row, '')}" for row, text in names.items()}
    rows_of: dict[str, list[int]] = {}
    series = _rows_of_series(table)
    for row, text in names.items():
        if series is None or row in series:
            rows_of.setdefault(text.strip(), []).append(row)
    if not rows_of or len(rows_of) > MAX_METRICS:
        return table
    values = table.numbers[value].by_row(table.length)
    known = np.zeros(table.length, np.bool_)
    known[table.numbers[value].rows] = True
    numbers = {name: points for name, points in table.numbers.items() if name != value}
    for name, at in rows_of.items():
        rows = np.array(sorted(at), np.int64)
        rows = rows[known[rows]]
        if len(rows):
            numbers[name] = Points(rows, values[rows])
    left = [key] + ([variant] if variant else [])
    return replace(table.without(*left), numbers=numbers)


def _rows_of_series(table: Table) -> set[int] | None:
    """Return the rows that are points of series, None if no column tells."""
    column = first_named(table.texts, TYPE_NAMES)
    if column is None:
        return None
    return {row for row, text in table.texts[column].items() if text.endswith("series")}
