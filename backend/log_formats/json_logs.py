"""JSON and JSON lines: histories as lists under names, as records, or nested in each other."""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from backend.log_formats.history import (
    EPOCH,
    History,
    Unreadable,
    from_rows,
    is_whole_step,
    parse_number,
)
from backend.log_formats.series_names import part_of
from backend.series import Series

DEEPEST = 12  # levels of nesting in which histories are looked for
NAMES = ("id", "name", "run")  # what a history in a list may be called by
MOST = 10_000  # histories in one file


def read_document(text: str) -> list[History]:
    """Return the histories of a JSON document, or of a file of JSON lines. Raises Unreadable."""
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise Unreadable("its JSON is nested too deeply") from error
    except ValueError as error:
        document = _lines(text, error)
    found = list(islice(_histories(document, None, 0), MOST))
    if not found:
        raise Unreadable("its JSON holds no lists of numbers and no records with numbers")
    return found


def _lines(text: str, error: ValueError) -> list[Any]:
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        first = json.loads(lines[0])
    except (ValueError, RecursionError):
        raise Unreadable(f"it is no valid JSON: {error}") from error
    rows = [first]
    for number_, line in enumerate(lines[1:], start=2):
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError) as wrong:
            if number_ == len(lines):
                break  # the last line is still being written
            raise Unreadable(f"its line {number_:,} is no valid JSON: {wrong}") from wrong
    return rows


def _histories(node: Any, name: str | None, depth: int) -> Iterator[History]:
    if depth > DEEPEST:
        return
    if isinstance(node, list):
        yield from _of_list(node, name, depth)
    elif isinstance(node, dict):
        if isinstance(node.get("log_history"), list):  # trainer_state.json of transformers
            yield from _histories(_by_step(node["log_history"]), name, depth + 1)
        elif found := _of_names(node, name):
            yield found
        else:
            for key, child in node.items():
                if isinstance(child, dict | list):
                    below = key if name is None else f"{name}/{key}"
                    inner = name if key == "history" else below
                    yield from _histories(child, inner, depth + 1)


def _by_step(rows: list[Any]) -> list[Any]:
    """Leave out the epochs of records, which are fractions, where they have steps."""
    return [
        {k: v for k, v in row.items() if k != "epoch"} if isinstance(row, dict) and "step" in row
        else row
        for row in rows
    ]  # fmt: skip


def _of_list(node: list[Any], name: str | None, depth: int) -> Iterator[History]:
    rows = [row for row in node if isinstance(row, dict)]
    holds_series = any(_series(value) is not None for row in rows for value in row.values())
    records = [] if holds_series else [_flat(row) for row in rows]
    if found := from_rows(records, name) if records else None:
        yield found
        return
    for index, child in enumerate(node):
        if isinstance(child, dict | list):
            below = _called(child) or f"{name or ''}[{index}]"
            yield from _histories(child, below, depth + 1)


def _called(child: Any) -> str | None:
    """Return what a history in a list is called, None if it has no name."""
    found = (child.get(key) for key in NAMES) if isinstance(child, dict) else ()
    return next((name for name in found if isinstance(name, str)), None)


def _flat(row: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Return the single values of a record, those of records within it by their path."""
    found: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict) and depth < DEEPEST:
            found |= _flat(value, f"{prefix}{key}/", depth + 1)
        elif not isinstance(value, list | dict):
            found[f"{prefix}{key}"] = value
    return found


def _of_names(node: Mapping[str, Any], name: str | None) -> History | None:
    """Return the history whose series are lists under names, perhaps below train and val."""
    series = {key: one for key, value in node.items() if (one := _series(value)) is not None}
    for key, value in node.items():
        if isinstance(value, dict) and key not in series and (series or part_of(key)):
            below = {k: one for k, v in value.items() if (one := _series(v)) is not None}
            if part_of(key) or not series:
                series |= {f"{key}/{k}": one for k, one in below.items()}
    axis = next((key for key in series if key.lower() in EPOCH), None)
    places = series.pop(axis).values.tolist() if axis else []
    if places and all(map(is_whole_step, places)):
        series = {
            key: Series.from_mapping(
                {int(at): x for at, x in zip(places, one.values.tolist(), strict=True)}
            )
            if len(one) == len(places)
            else one
            for key, one in series.items()
        }
    return History(series, "epoch", name) if series else None


def _series(value: Any) -> Series | None:
    """Return a list of numbers as a series from 1, or {"steps", "values"} as it is."""
    if isinstance(value, dict) and isinstance(value.get("steps"), list):
        steps, values = value["steps"], value.get("values")
        if isinstance(values, list) and all(type(s) is int and is_whole_step(s) for s in steps):
            return Series.from_mapping({s: _known(x) for s, x in zip(steps, values, strict=False)})
    if not isinstance(value, list) or not value:
        return None
    if any(isinstance(x, str | bool | list | dict) for x in value):
        return None
    return Series.of(range(1, len(value) + 1), [_known(x) for x in value])


def _known(value: Any) -> float:
    found = parse_number(value)
    return float("nan") if found is None else found
