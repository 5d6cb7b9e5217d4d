"""Runs in the rows of a table: columns that name them are found, whatever they are called."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from backend.log_formats.axis_names import (
    EPOCH_NAMES,
    PART_NAMES,
    RUN_NAMES,
    STEP_NAMES,
    TIME_NAMES,
    first_named,
    is_axis,
    plain,
)
from backend.log_formats.columns import Points, Table
from backend.log_formats.history import MAX_SHOWN_CHARACTERS, OnlySummaries
from backend.log_formats.restarts import since_restarts
from backend.pairing.series_names import parse_name
from backend.series import IntArray

MAX_CANDIDATES = 8  # columns that may name runs
TABLE_OF_RUNS = (
    "each of its {:,} rows is a run of its own (column {}), with one value of a metric and no "
    "epochs; a table with a row for each epoch is needed: export the history of a run"
)
_OF_RUNS = ("state", "status", "sweep", "created", "user", "rank_test_score", "notes", "tags")
_OF_PARAMS = ("param_", "params_", "params.", "config/", "config.", "hyperparameter", "metrics.")


def split_by_rows(table: Table) -> Iterator[tuple[str | None, Table]]:
    """Yield the table of each run that rows belong to, with the run's name, or the table itself.

    Raises Unreadable for a table with one row per run.
    """
    candidates = _candidates(table)
    _refuse_table_of_runs(table, candidates)
    chosen = _chosen(table, candidates)
    if not chosen:
        yield None, table
        return
    codes, names = _groups(table, chosen)
    if len(names) < 2:
        yield None, table.without(*chosen)
        return
    for code, name in enumerate(names):
        part = table.where(codes == code).without(*chosen)
        if part.numbers:
            yield name, part


def _candidates(table: Table) -> list[str]:
    """Return the columns that may name runs, those with usual names first."""
    usual = [name for name in table.names if plain(name) in RUN_NAMES]
    texts = [
        name
        for name in table.texts
        if name not in usual and name not in table.numbers
        and plain(name) not in (*PART_NAMES, *TIME_NAMES) and not is_axis(name)
    ]  # fmt: skip
    return [*usual, *texts][:MAX_CANDIDATES]


def _refuse_table_of_runs(table: Table, candidates: Sequence[str]) -> None:
    axis = next((name for name in table.numbers if is_axis(name) and name), None)
    if axis is not None and len(np.unique(table.numbers[axis].values)) > 1:
        ordered = not any(plain(name) in RUN_NAMES and _is_key(table, name) for name in candidates)
        if ordered or plain(axis) not in ("epochs", "num_epochs", "n_epoch", "steps", "iterations"):
            return
    names = [plain(name) for name in table.names]
    of_runs = any(name in _OF_RUNS or name.startswith(_OF_PARAMS) for name in names)
    for name in candidates:
        if (of_runs or plain(name) in RUN_NAMES) and _is_key(table, name):
            raise OnlySummaries(TABLE_OF_RUNS.format(table.length, name[:MAX_SHOWN_CHARACTERS]))
    if of_runs and any(name.startswith((*_OF_PARAMS, "rank_test")) for name in names):
        column = next(name for name in table.names if plain(name).startswith((*_OF_PARAMS, "rank")))
        raise OnlySummaries(TABLE_OF_RUNS.format(table.length, column[:MAX_SHOWN_CHARACTERS]))


def _is_key(table: Table, column: str) -> bool:
    """Return whether each of at least two rows has a value of its own."""
    cells: list[object] = list(table.texts.get(column, {}).values())
    if points := table.numbers.get(column):
        cells += points.values.tolist()
    return 2 <= table.length == len(cells) == len(set(cells))


def _chosen(table: Table, candidates: Sequence[str]) -> Sequence[str]:
    """Return the columns that tell runs apart: usual ones, and others if epochs repeat without."""
    usual = [name for name in candidates if plain(name) in RUN_NAMES]
    usual = [
        name for name in usual if not _is_key(table, name) and _is_constant_in_runs(table, name)
    ]
    axis = first_named(table.numbers, EPOCH_NAMES) or first_named(table.numbers, STEP_NAMES)
    if axis is None or not _repeats(table, axis, usual):
        return usual
    others = [name for name in candidates if name not in usual and not _is_key(table, name)]
    others += [
        name for name in table.numbers
        if not is_axis(name) and name not in usual and _is_constant_in_blocks(table, name, axis)
    ][:MAX_CANDIDATES]  # fmt: skip
    for count in (1, 2):
        for more in combinations(others, count):
            if not _repeats(table, axis, [*usual, *more]):
                return [*usual, *more]
    return usual


def _is_constant_in_runs(table: Table, column: str) -> bool:
    """Return whether a column has values in most rows, each in several rows."""
    codes, names = _groups(table, [column])
    return 0 < len(names) <= max(1, int((codes >= 0).sum()) // 2)


def _is_constant_in_blocks(table: Table, column: str, axis: str) -> bool:
    """Return whether a column of numbers changes only where the axis goes back."""
    points = table.numbers[column]
    # two columns of one name have more values than rows
    if {len(points), len(table.numbers[axis])} != {table.length}:
        return False
    places, values = table.numbers[axis].values, points.values
    return bool((np.diff(places)[np.diff(values) != 0] < 0).all()) and values[0] != values[-1]


def _repeats(table: Table, axis: str, columns: Sequence[str]) -> bool:
    """Return whether a metric goes back to earlier places within the runs of some columns."""
    codes, names = _groups(table, columns) if columns else (np.zeros(table.length, int), [""])
    places = table.numbers[axis].by_row(table.length)
    for name, points in table.numbers.items():
        if is_axis(name):
            continue
        held_out = parse_name(name).part in ("validation", "test")
        for code in range(len(names)):
            rows = points.rows[codes[points.rows] == code]
            own = places[rows]
            own = own[~np.isnan(own)]
            if not since_restarts(own).all():
                return True
            if held_out and 2 * len(np.unique(own)) <= len(own):
                return True
    return False


def _groups(table: Table, columns: Sequence[str]) -> tuple[IntArray, list[str]]:
    """Return the group of each row, -1 without one, and the names of the groups."""
    cells = [_cells(table, column) for column in columns]
    codes: dict[str, int] = {}
    groups = np.full(table.length, -1, np.int64)
    rows = sorted(set().union(*cells))
    for row in rows:
        name = "/".join(cell[row] for cell in cells if row in cell)
        groups[row] = codes.setdefault(name, len(codes))
    return groups, list(codes)


def _cells(table: Table, column: str) -> dict[int, str]:
    """Return the cells of a column as the parts of names."""
    points = table.numbers.get(column, Points(np.empty(0, np.int64), np.empty(0)))
    numbers = zip(points.rows.tolist(), points.values.tolist(), strict=True)
    named = {row: f"{column} {value:g}" for row, value in numbers}
    return named | {row: text.strip() for row, text in table.texts.get(column, {}).items()}
