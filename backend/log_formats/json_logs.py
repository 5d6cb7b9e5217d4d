"""JSON and JSON lines: histories as lists under names, as records, or nested in each other."""

import json
from collections.abc import Iterator, Mapping
from itertools import islice

from backend import work_budget
from backend.log_formats.history import (
    EPOCH_NAMES,
    History,
    Unreadable,
    from_rows,
    is_whole_step,
    parse_number,
)
from backend.log_formats.list_lengths import place_shorter
from backend.log_formats.log_format import FileFormat
from backend.pairing.series_names import part_of
from backend.series import Series

MAX_DEPTH = 12  # levels of nesting that are searched for histories
NAME_KEYS = ("id", "name", "run")  # keys that name a history in a list
MAX_HISTORIES = 10_000  # per file


def read_document(text: str) -> list[History]:
    """Return the histories of a JSON document, or of a file of JSON lines. Raises Unreadable."""
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise Unreadable("its JSON is nested too deeply") from error
    except ValueError as error:
        document = _lines(text, error)
    histories = histories_of(document)
    if not histories:
        raise Unreadable("its JSON holds no lists of numbers and no records with numbers")
    return histories


def histories_of(document: object) -> list[History]:
    """Return the histories in nested lists and dictionaries, as JSON holds them."""
    return list(islice(_histories(document, None, 0), MAX_HISTORIES))


def _lines(text: str, error: ValueError) -> list[object]:
    """Return the documents of JSON lines; `error` says why the text is not one document."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        first = json.loads(lines[0])
    except (ValueError, RecursionError):
        raise Unreadable(f"its JSON is invalid: {error}") from error
    documents = [first]
    for line_number, line in enumerate(lines[1:], start=2):
        work_budget.check()
        try:
            documents.append(json.loads(line))
        except (ValueError, RecursionError) as line_error:
            if line_number == len(lines):
                break  # the last line is still being written
            raise Unreadable(
                f"its line {line_number:,} is invalid JSON: {line_error}"
            ) from line_error
    return documents


def _histories(node: object, name: str | None, depth: int) -> Iterator[History]:
    """Yield the histories of a document; `name` is the path to it, once it has one."""
    work_budget.check()
    if depth > MAX_DEPTH:
        return
    if isinstance(node, list):
        yield from _of_list(node, name, depth)
    elif isinstance(node, dict):
        if isinstance(node.get("log_history"), list):  # trainer_state.json of transformers
            yield from _histories(_without_epochs(node["log_history"]), name, depth + 1)
        elif history := _of_names(node, name):
            yield history
        else:
            for key, child in node.items():
                if isinstance(child, dict | list):
                    path = key if name is None else f"{name}/{key}"
                    child_name = name if key == "history" else path
                    yield from _histories(child, child_name, depth + 1)


def _without_epochs(rows: list[object]) -> list[object]:
    """Remove the epochs of records that have steps: in transformers they are fractions."""
    return [
        {k: v for k, v in row.items() if k != "epoch"} if isinstance(row, dict) and "step" in row
        else row
        for row in rows
    ]  # fmt: skip


def _of_list(node: list[object], name: str | None, depth: int) -> Iterator[History]:
    """Yield the history of a list of records, or the histories of the items of a list."""
    rows = [row for row in node if isinstance(row, dict)]
    holds_series = any(_series(value) is not None for row in rows for value in row.values())
    records = [] if holds_series else [_flat(row) for row in rows]
    if history := from_rows(records, name) if records else None:
        yield history
        return
    for index, child in enumerate(node):
        if isinstance(child, dict | list):
            yield from _histories(child, _own_name(child) or f"{name or ''}[{index}]", depth + 1)


def _own_name(child: object) -> str | None:
    """Return the name that a history in a list gives itself, None without one."""
    names = (child.get(key) for key in NAME_KEYS) if isinstance(child, dict) else ()
    return next((name for name in names if isinstance(name, str)), None)


def _flat(row: Mapping[str, object], prefix: str = "", depth: int = 0) -> dict[str, object]:
    """Return the single values of a record; those of nested records by their path."""
    work_budget.check()
    values: dict[str, object] = {}
    for key, value in row.items():
        if isinstance(value, dict) and depth < MAX_DEPTH:
            values |= _flat(value, f"{prefix}{key}/", depth + 1)
        elif not isinstance(value, list | dict):
            values[f"{prefix}{key}"] = value
    return values


def _of_names(node: Mapping[str, object], name: str | None) -> History | None:
    """Return the history whose series are lists under names, perhaps nested under train and val."""
    series = _series_by_name(node)
    for key, value in node.items():
        if isinstance(value, dict) and key not in series and (series or part_of(key)):
            nested = _series_by_name(value)
            if part_of(key) or not series:
                series |= {f"{key}/{k}": metric for k, metric in nested.items()}
    axis = next((key for key in series if key.lower() in EPOCH_NAMES), None)
    epochs = series.pop(axis).values.tolist() if axis else []
    series, shorter = place_shorter(series)
    if epochs and all(map(is_whole_step, epochs)):
        series = {key: _at_epochs(metric, epochs) for key, metric in series.items()}
    return History(series, "epoch", name, unread=shorter) if series else None


def _series_by_name(node: Mapping[str, object]) -> dict[str, Series]:
    """Return the entries that are series."""
    parsed = ((key, _series(value)) for key, value in node.items())
    return {key: series for key, series in parsed if series is not None}


def _at_epochs(series: Series, epochs: list[float]) -> Series:
    """Return a list of values over these epochs, unchanged if it is longer."""
    places = series.steps.tolist()
    if not places or places[0] < 1 or places[-1] > len(epochs):
        return series
    values = zip((int(epochs[at - 1]) for at in places), series.values.tolist(), strict=True)
    return Series.from_mapping(dict(values))


def _series(value: object) -> Series | None:
    """Return a list of numbers as a series from step 1, or an object with steps and values."""
    work_budget.check()
    if isinstance(value, dict) and isinstance(value.get("steps"), list):
        steps, values = value["steps"], value.get("values")
        if isinstance(values, list) and all(type(s) is int and is_whole_step(s) for s in steps):
            pairs = zip(steps, map(_number_or_nan, values), strict=False)
            return Series.from_mapping(dict(pairs))
    if not isinstance(value, list) or not value:
        return None
    if any(isinstance(x, str | bool | list | dict) for x in value):
        return None
    return Series.of(range(1, len(value) + 1), [_number_or_nan(x) for x in value])


def _number_or_nan(value: object) -> float:
    number = parse_number(value)
    return float("nan") if number is None else number


FORMAT = FileFormat(
    name="JSON and JSON lines",
    looks="lists of numbers under names, records of an epoch or a step each, or both nested",
    files="history.json, trainer_state.json, log.jsonl",
    example={"history.json": '{"loss": [2.1, 1.5, 1.1], "val_loss": [2.3, 1.6, 1.2]}'},
    sniff=lambda file: file.text.lstrip()[:1] in ("{", "["),
    read=lambda file: read_document(file.text),
)
