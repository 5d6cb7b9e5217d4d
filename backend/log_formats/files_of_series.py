"""A file per series: DVC Live's plots, downloads of TensorBoard, train.csv next to val.csv."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from backend.log_formats.axis_names import INDEX, VALUE_NAMES, plain
from backend.log_formats.columns import Points, Table
from backend.log_formats.delimited import looks_like_table, numbers_without_header, table_in
from backend.log_formats.history import History, Unreadable
from backend.log_formats.json_logs import parsed
from backend.log_formats.lists import history_of_lists, series_of
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FolderFormat
from backend.log_formats.nested import histories_of
from backend.log_formats.numbers import is_whole_step
from backend.log_formats.placing import history_of
from backend.log_formats.wide_tables import split_by_columns
from backend.pairing.series_names import parse_name, part_of
from backend.series import Series

ENDINGS = (".csv", ".tsv", ".txt", ".dat", ".log", ".json")
_DOWNLOAD = re.compile(r"(?:run-)?(?P<run>.*?)-?tag-(?P<tag>.+)", re.IGNORECASE)
_LAST_PART = re.compile(r"[-_]?(?:train|training|validation|val|valid|eval|test)$")
DVC_FOLDERS = ("metrics", "scalars", "dvclive")
ROOTS = ("dvclive", "plots", "metrics", "scalars", "logs", "csv", "results", "static")
"""Folders that do not name a metric or a run."""


def claim_series(files: Sequence[LogFile]) -> Mapping[str, Sequence[LogFile]]:
    """Return the files of each run that hold one part of the data, or one series, each."""
    groups: dict[str, list[LogFile]] = {}
    for file in files:
        if file.path.suffix.lower() in ENDINGS and (named := _run_and_series(file)):
            groups.setdefault(named[0], []).append(file)
    return {run: group for run, group in groups.items() if len(group) > 1 and _both_parts(group)}


def _both_parts(files: Sequence[LogFile]) -> bool:
    named = [_run_and_series(file) for file in files]
    parts = {parse_name(each[1]).part for each in named if each}
    return len(parts) > 1 and bool(parts & {"validation", "test"})


def _run_and_series(file: LogFile) -> tuple[str, str] | None:
    """Return the run and the prefix of the series of a file, as its name and folder give them."""
    path = file.path
    stem = path.name.removesuffix(path.suffix)
    if match := _DOWNLOAD.fullmatch(stem):  # run-train-tag-epoch_loss.csv
        run = match["run"].strip("-._")
        parts = [each for each in re.split(r"[-_]", run) if part_of(each)]
        left = _LAST_PART.sub("", run)
        folder = "" if path.parent == PurePosixPath(".") else str(path.parent)
        own = "/".join(each for each in (folder, left) if each)
        return own, "/".join([*parts[-1:], match["tag"]])
    names = [*path.parts[:-1], stem]
    at = next((i for i, each in enumerate(names) if parse_name(each).part), None)
    if path.suffix == ".tsv" and (below := [i for i, x in enumerate(names) if x in DVC_FOLDERS]):
        at = below[-1] + 1  # DVC Live: each file is a metric, whatever its name
    if at is None or at >= len(names):
        return None
    run_names = [each for each in names[:at] if each not in ROOTS]
    return "/".join(run_names), "/".join(names[at:])


def read_series(files: Sequence[LogFile]) -> list[History]:
    """Return the histories of the files of a run, or of the runs that all files have.

    Raises Unreadable.
    """
    runs: dict[str | None, dict[str, Series]] = {}
    units: list[str] = []
    remarks: list[str] = []
    for file in files:
        named = _run_and_series(file)
        for history in _histories(file) if named else ():
            units.append(history.unit)
            remarks += history.remarks
            series = runs.setdefault(history.name, {})
            for name, each in history.series.items():
                series[_joined(named[1] if named else "", name)] = each
    found = {run: series for run, series in runs.items() if _has_metrics(series)}
    if not found:
        raise Unreadable("its files hold no columns of losses or scores")
    unit = "step" if "step" in units else units[0]
    return [
        History(series, unit, run, remarks=tuple(dict.fromkeys(remarks)))
        for run, series in found.items()
    ]


def _has_metrics(series: Mapping[str, Series]) -> bool:
    names = [parse_name(name) for name in series]
    return len(series) > 1 and any(name.is_loss or name.is_score for name in names)


def _joined(prefix: str, column: str) -> str:
    """Return the name of a series: of the file, and of its column unless that only says value."""
    last = prefix.rsplit("/", 1)[-1]
    if plain(column) in (*VALUE_NAMES, plain(last)) or not column:
        return prefix
    return column if parse_name(column).part else f"{prefix}/{column}"


def _histories(file: LogFile) -> list[History]:
    """Return the histories of a table, with or without a header, or of JSON; none of other text."""
    text = file.text.strip()
    if not text:
        return []
    if text[0] in "[{":
        document = parsed(text)
        series = series_of(document)
        if series is not None:
            return [history_of_lists({"value": series})]
        return histories_of(document)
    if looks_like_table(file.sample):
        table = table_in(file.text)
        left_out = [name for name in table.names if plain(name) in ("wall_time", "timestamp")]
        return [
            history
            for run, columns in split_by_columns(table.without(*left_out))
            if (history := history_of(columns, run))
        ]
    columns_of_numbers = numbers_without_header(text)
    if columns_of_numbers:
        named = _named(columns_of_numbers)
    else:
        header, _, rest = text.partition("\n")
        columns_of_numbers = numbers_without_header(rest)
        if len(columns_of_numbers) != 1:
            return []
        named = {header.strip().strip('"'): columns_of_numbers[0]}
    history = history_of(_table(named))
    return [history] if history else []


def _named(columns: Sequence[list[float]]) -> dict[str, list[float]]:
    """Name columns without a header: an ascending first one is the axis; the last is the value."""
    if len(columns) == 1:
        return {"value": columns[0]}
    first = columns[0]
    ascending = all(map(is_whole_step, first)) and first == sorted(set(first))
    if len(columns) == 3 and not ascending:  # wall time, step, value
        return {"step": columns[1], "value": columns[2]}
    names = ["loss" if at == 1 else f"column {at + 1}" for at in range(len(columns))]
    if ascending:
        names[0] = INDEX
    else:
        names = ["loss", *(f"column {at + 1}" for at in range(1, len(columns)))]
    return dict(zip(names, columns, strict=True))


def _table(columns: Mapping[str, list[float]]) -> Table:
    length = len(next(iter(columns.values())))
    rows = np.arange(length)
    numbers = {name: Points(rows, np.array(values)) for name, values in columns.items()}
    return replace(Table({}, {}, length), numbers=numbers)


FORMAT = FolderFormat(
    name="a file per series or part",
    looks="train.csv next to val.csv, with or without headers; TensorBoard's downloads of CSV; "
    "DVC Live's files per metric",
    files="train.csv and val.csv, run-train-tag-epoch_loss.csv, plots/metrics/train/loss.tsv",
    example={
        "train.csv": "epoch,loss\n1,2.1\n2,1.5\n3,1.1\n",
        "val.csv": "epoch,loss\n1,2.3\n2,1.6\n3,1.2\n",
    },
    claim=claim_series,
    read=read_series,
)
