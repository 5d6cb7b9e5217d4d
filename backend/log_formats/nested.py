"""Histories in nested lists and dictionaries, as JSON and Python hold them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from backend import work_budget
from backend.log_formats.axis_names import PART_NAMES, is_axis, is_part, plain
from backend.log_formats.history import History
from backend.log_formats.lists import history_of_lists, series_of
from backend.log_formats.literals import literal_in
from backend.log_formats.tables import histories_of_rows
from backend.pairing.name_pairs import find_name_pairs
from backend.pairing.series_names import SeriesName, parse_name
from backend.series import Series

MAX_DEPTH = 12  # levels of nesting that are searched for histories
MAX_HISTORIES = 10_000  # per file
NAME_KEYS = (
    "id", "name", "run", "run_name", "run_id", "fold", "seed", "trial", "model", "experiment",
)  # fmt: skip
"""Keys that name a history in a list."""
UNNAMED = ("history", "metrics", "logs", "log_history", "results", "log", "training_history")
"""Keys that do not name the history below them."""
_COLLECTIONS = {"hist", "log", "logs", "results", "result", "stats", "curve", "curves", "info"}
_EPOCH_KEY = re.compile(r"(?:epoch|ep|step|iter(?:ation)?|round)?[\s_\-:]*(\d{1,9})", re.IGNORECASE)


def histories_of(document: object) -> list[History]:
    """Return the histories in nested lists and dictionaries. Raises Unreadable."""
    return list(islice(_histories(document, None, 0), MAX_HISTORIES))


def own_history(document: object) -> bool:
    """Return whether a record holds a pair of losses as lists: a history, not one epoch."""
    if not isinstance(document, dict) or not any(
        isinstance(value, list | dict | str) for value in document.values()
    ):
        return False
    nested = {key: value for key, value in document.items() if isinstance(value, list | dict)}
    return any(_has_pair(history.series) for history in histories_of(nested))


def flat(row: Mapping[str, object], prefix: str = "", depth: int = 0) -> dict[str, object]:
    """Return the single values of a record; those of nested records by their path."""
    work_budget.check()
    values: dict[str, object] = {}
    for key, value in row.items():
        if isinstance(value, dict) and depth < MAX_DEPTH:
            values |= flat(value, f"{prefix}{key}/", depth + 1)
        elif not isinstance(value, list | dict):
            values[f"{prefix}{key}"] = value
    return values


def _has_pair(series: Mapping[str, Series]) -> bool:
    pairs = find_name_pairs(series, _by_rank).pairs
    return any(min(len(series[train]), len(series[held])) > 1 for train, held in pairs)


def _by_rank(_key: str, name: SeriesName) -> tuple[int, ...]:
    return (name.rank,)


def _histories(node: object, name: str | None, depth: int) -> Iterator[History]:
    """Yield the histories of a document; `name` is the path to it, once it has one."""
    work_budget.check()
    if depth > MAX_DEPTH:
        return
    if isinstance(node, str):
        document = literal_in(node)
        if isinstance(document, list | dict):
            yield from _histories(document, name, depth + 1)
    elif isinstance(node, list):
        yield from _of_list(node, name, depth)
    elif isinstance(node, dict):
        yield from _of_dict(node, name, depth)


def _of_dict(node: Mapping[str, object], name: str | None, depth: int) -> Iterator[History]:
    if isinstance(node.get("log_history"), list):  # trainer_state.json of transformers
        yield from _histories(node["log_history"], name, depth + 1)
    elif rows := _rows_of_frame(node) or _rows_by_epoch(node) or _rows_by_part(node):
        yield from histories_of_rows(rows, name)
    elif (series := _series_below(node)) and not all(map(is_axis, series)):
        yield history_of_lists(series, name)
        for child in node.values():  # such as the history of each fold next to mean losses
            if isinstance(child, list) and child and all(map(own_history, child)):
                yield from _histories(child, name, depth + 1)
    else:
        for key, child in node.items():
            below = _series_below(child) if series and isinstance(child, dict) else {}
            if below:  # Keras' History has the epochs next to the history
                yield history_of_lists({**series, **below}, name)
            elif isinstance(child, dict | list | str) and key not in series:
                path = key if name is None else f"{name}/{key}"
                yield from _histories(child, name if key in UNNAMED else path, depth + 1)


def _of_list(node: Sequence[object], name: str | None, depth: int) -> Iterator[History]:
    """Yield the history of a list of records, or the histories of the items of a list."""
    rows = [row for row in node if isinstance(row, dict)]
    if rows and not _hold_histories(rows):
        found = histories_of_rows([flat(row) for row in rows], name)
        if found:
            yield from found
            return
    for index, child in enumerate(node):
        if isinstance(child, dict | list):
            own = _own_name(child) or f"{name or ''}[{index}]"
            yield from _histories(child, own, depth + 1)


def _hold_histories(rows: Sequence[Mapping[str, object]]) -> bool:
    """Return whether records are histories, rather than one epoch each."""
    sample = rows[:3]
    if all(map(own_history, sample)):
        return True
    lists = any(series_of(value) is not None for row in sample for value in row.values())
    losses = any(parse_name(key).is_loss for row in sample for key in flat(row))
    return lists and not losses


def _own_name(child: object) -> str | None:
    """Return the name that a history in a list gives itself, None without one."""
    if not isinstance(child, dict):
        return None
    for key in NAME_KEYS:
        value = child.get(key)
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return f"{key} {value}"
    return None


def _rows_of_frame(node: Mapping[str, object]) -> list[dict[str, object]]:
    """Return the rows of DataFrame.to_json() in its forms split, table and columns, else none."""
    columns, data = node.get("columns"), node.get("data")
    if isinstance(columns, list) and isinstance(data, list):
        index = node.get("index")
        at = index if isinstance(index, list) and len(index) == len(data) else range(len(data))
        return [
            {"": place, **dict(zip(map(str, columns), row, strict=False))}
            for place, row in zip(at, data, strict=True)
            if isinstance(row, list)
        ]
    if "schema" in node and isinstance(data, list):
        return [{"" if key == "index" else key: v for key, v in row.items()}
                for row in data if isinstance(row, dict)]  # fmt: skip
    by_row: dict[int, dict[str, object]] = {}
    for name, cells in node.items():
        if not isinstance(cells, dict) or not cells:
            return []
        for key, value in cells.items():
            if not key.isdecimal() or len(key) > 15 or isinstance(value, list | dict):
                return []
            by_row.setdefault(int(key), {"": int(key)})[name] = value
    return list(by_row.values())


def _rows_by_epoch(node: Mapping[str, object]) -> list[dict[str, object]]:
    """Return the records of an object whose keys are epochs, else none."""
    rows = []
    for key, value in node.items():
        match = _EPOCH_KEY.fullmatch(key.strip())
        if not match or not isinstance(value, dict):
            return []
        row = flat(value)
        if not row or own_history(value):
            return []
        rows.append({"epoch": int(match[1])} | row)
    return rows


def _rows_by_part(node: Mapping[str, object]) -> list[dict[str, object]]:
    """Return the records of an object with a list of records for train and for validation."""
    rows: list[dict[str, object]] = []
    for key, value in node.items():
        if _is_part_key(key) and isinstance(value, list) and value and isinstance(value[0], dict):
            rows += [{PART_NAMES[0]: key} | flat(row) for row in value if isinstance(row, dict)]
    return rows


def _series_below(node: Mapping[str, object]) -> dict[str, list[float] | Series]:
    """Return lists under names, also those nested under parts of the data, or with them inside."""
    series: dict[str, list[float] | Series] = {}
    for key, value in node.items():
        if (own := series_of(value)) is not None:
            series[key] = own
        elif isinstance(value, dict):
            below = _series_below(value)
            if below and (_is_part_key(key) or _are_parts(below) or plain(key) in _NUMBERED_SETS):
                series |= {f"{key}/{name}": each for name, each in below.items()}
    return series


_NUMBERED_SETS = tuple(
    f"valid{ending}_{number}" for ending in ("", "ation") for number in range(20)
)
"""Evaluation sets of LightGBM and XGBoost."""


def _is_part_key(key: str) -> bool:
    """Return whether a key only names a part of the data: train, or val_history."""
    name = parse_name(key)
    return name.part is not None and not set(name.measure.split()) - _COLLECTIONS


def _are_parts(series: Mapping[str, object]) -> bool:
    """Return whether all names are parts of the data: {"loss": {"train": ..., "val": ...}}."""
    return all(map(is_part, series))
