"""Rows that name their part of the data: {"phase": "val", "loss": 1} is val/loss."""

from dataclasses import replace

import numpy as np

from backend.log_formats.axis_names import PART_NAMES, is_axis, is_part, plain
from backend.log_formats.columns import Points, Table


def parts_named(table: Table) -> Table:
    """Return the table with a column for each metric and part, if a column names the parts."""
    column = next((name for name in table.texts if plain(name) in PART_NAMES), None)
    if column is None:
        return table
    cells = table.texts[column]
    parts = {text.strip() for text in cells.values()}
    if not parts or not all(map(is_part, parts)):
        return table
    numbers: dict[str, Points] = {}
    rows_of = {part: np.zeros(table.length, np.bool_) for part in parts}
    for row, text in cells.items():
        rows_of[text.strip()][row] = True
    named = np.logical_or.reduce(list(rows_of.values()))
    for name, points in table.numbers.items():
        if is_axis(name):
            numbers[name] = points
            continue
        pieces = {f"{part}/{name}": points.on(rows) for part, rows in rows_of.items()}
        pieces[name] = points.on(~named)
        numbers |= {piece: each for piece, each in pieces.items() if len(each)}
    return replace(table.without(column), numbers=numbers)
