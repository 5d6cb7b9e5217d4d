"""Runs of MLflow's file store: mlruns/EXPERIMENT/RUN with metrics, params and tags as files."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from backend import work_budget
from backend.log_formats.history import History, Unreadable
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FolderFormat
from backend.log_formats.logged import history_of_points
from backend.pairing.logged_points import LoggedPoints

_POINT = re.compile(rb"\d{10,16} \S+( -?\d+)?\s*(?:\S+ \S+)?$")
RUN_NAME = "mlflow.runName"
MAX_TEXT = 10_000  # characters of a param or tag


def claim_runs(files: Sequence[LogFile]) -> Mapping[str, Sequence[LogFile]]:
    """Return the files of each run, by the folder of the run."""
    runs = {folder for file in files if (folder := _run_of(file)) is not None}
    groups: dict[str, list[LogFile]] = {str(folder): [] for folder in sorted(runs)}
    for file in files:
        for parent in file.path.parents:
            if parent in runs:
                groups[str(parent)].append(file)
                break
    return {"" if name == "." else name: group for name, group in groups.items()}


def _run_of(file: LogFile) -> PurePosixPath | None:
    """Return the folder of the run that a file of a metric belongs to."""
    for parent in file.path.parents:
        if parent.name == "metrics":
            line = file.head.split(b"\n", 1)[0].strip()
            return parent.parent if _POINT.match(line) else None
    return None


def read_run(files: Sequence[LogFile]) -> list[History]:
    """Return the history of a run. Raises Unreadable."""
    metrics: dict[str, LoggedPoints] = {}
    texts: dict[str, dict[str, str]] = {"params": {}, "tags": {}}
    for file in files:
        kind, key = _kind_and_key(file.path)
        if kind == "metrics":
            metrics[key] = _points(file)
        elif kind in texts and file.size <= MAX_TEXT:
            texts[kind][key] = file.text.strip()
    history = history_of_points(
        metrics, params=texts["params"], tags=texts["tags"], name=texts["tags"].get(RUN_NAME)
    )
    return [history] if history else []


def _kind_and_key(path: PurePosixPath) -> tuple[str, str]:
    for at, part in enumerate(path.parts[:-1]):
        if part in ("metrics", "params", "tags"):
            return part, "/".join(path.parts[at + 1 :])
    return "", ""


def _points(file: LogFile) -> LoggedPoints:
    """Return the points of a metric: a line per point with time, value and step."""
    rows = []
    for number, line in enumerate(file.text.split("\n"), 1):
        if not number & 15:
            work_budget.check()
        cells = line.split()
        if not cells:
            continue
        try:
            rows.append((int(cells[0]), float(cells[1]), int(cells[2]) if len(cells) > 2 else 0))
        except (ValueError, IndexError) as error:
            raise Unreadable(
                f'{file.name}: line {number:,} is "{line[:80]}"; accepted: time, value and step'
            ) from error
    times, values, steps = zip(*rows, strict=True) if rows else ((), (), ())
    return LoggedPoints.of(steps, values, np.array(times, np.int64))


FORMAT = FolderFormat(
    name="MLflow runs as files",
    looks="a folder per run with `metrics/`, `params/` and `tags/`; a line per point with time, "
    "value and step",
    files="mlruns/",
    example={
        f"metrics/{name}": "".join(f"170000000{at}000 {value} {at}\n"
                                   for at, value in enumerate(values))
        for name, values in (("train_loss", (2.1, 1.5, 1.1)), ("val_loss", (2.3, 1.6, 1.2)))
    },
    claim=claim_runs,
    read=read_run,
)  # fmt: skip
