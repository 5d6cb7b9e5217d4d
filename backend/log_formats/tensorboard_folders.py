"""Folders of TensorBoard event files: a folder per run, perhaps a folder per part of the data.

Several event files in a folder are one run that was resumed, or several runs with one log folder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from backend.log_formats.history import History, Unreadable
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FolderFormat
from backend.log_formats.logged import history_of_points
from backend.log_formats.tensorboard import is_events, read_event_file
from backend.pairing.logged_points import LoggedPoints
from backend.pairing.series_names import parse_name, part_of

MAX_FILES = 1000  # event files in a folder
RUN_OF_SEVERAL = "the folder holds the event files of {} runs; this is the {}. of them"

Metrics = dict[str, LoggedPoints]


def claim_events(files: Sequence[LogFile]) -> Mapping[str, Sequence[LogFile]]:
    """Return all event files as one group."""
    events = [file for file in files if "tfevents" in file.path.name and is_events(file.head)]
    return {"": events} if events else {}


def read_folder(files: Sequence[LogFile]) -> list[History]:
    """Return the histories of event files, one or more for each folder of a run.

    Raises Unreadable.
    """
    if len(files) > MAX_FILES:
        raise Unreadable(
            f"it is a folder of {len(files):,} event files, accepted: 1 to {MAX_FILES:,}"
        )
    runs: dict[str, dict[str, list[LogFile]]] = {}
    for file in files:
        run, prefix = _run_and_prefix(file.path.parent.parts)
        runs.setdefault(run, {}).setdefault(prefix, []).append(file)
    return [history for run, parts in runs.items() for history in _of_run(run, parts)]


def _of_run(run: str, parts: Mapping[str, Sequence[LogFile]]) -> list[History]:
    """Return the histories of the folders of a run: of each attempt that begins at its start."""
    attempts: list[Metrics] = []
    for prefix, files in parts.items():
        ordered = sorted(files, key=lambda file: file.path.name)
        each_file = [_named(prefix, read_event_file(file)) for file in ordered]
        for number, metrics in enumerate(_attempts([each for each in each_file if each])):
            if number == len(attempts):
                attempts.append({})
            attempts[number] |= metrics
    histories = []
    for number, metrics in enumerate(attempts, 1):
        history = history_of_points(metrics, name=run or None, unit=_unit(metrics))
        if history is not None and len(attempts) > 1:
            note = RUN_OF_SEVERAL.format(len(attempts), number)
            name = "/".join(part for part in (run, f"run {number}") if part)
            history = replace(history, name=name, remarks=(*history.remarks, note))
        histories += [history] if history else []
    return histories


def _named(prefix: str, metrics: Mapping[str, LoggedPoints]) -> Metrics:
    return {
        tag if part_of(tag.split("/")[0]) else f"{prefix}{tag}": points
        for tag, points in metrics.items()
    }


def _attempts(files: Sequence[Metrics]) -> list[Metrics]:
    """Join the metrics of files, oldest first. A file that starts over is a new run."""
    attempts: list[Metrics] = []
    for metrics in files:
        if not attempts or _starts_over(attempts[-1], metrics):
            attempts.append(dict(metrics))
            continue
        for tag, points in metrics.items():
            earlier = attempts[-1].get(tag)
            attempts[-1][tag] = points if earlier is None else _joined(earlier, points)
    return attempts


def _starts_over(earlier: Metrics, later: Metrics) -> bool:
    """Return whether curves start at their first steps again. Single values do not count."""
    shared = [tag for tag in later if tag in earlier]
    curves = [tag for tag in shared if earlier[tag].is_curve] or shared
    return any(len(later[tag]) and later[tag].steps[0] <= earlier[tag].steps[0] for tag in curves)


def _joined(earlier: LoggedPoints, later: LoggedPoints) -> LoggedPoints:
    """Return the points of a run that was resumed: the later file counts from its first step."""
    kept = earlier.take(earlier.steps < later.steps[0])
    return LoggedPoints(
        np.concatenate([kept.steps, later.steps]),
        np.concatenate([kept.timestamps, later.timestamps]),
        np.concatenate([kept.values, later.values]),
    )


def _run_and_prefix(folders: tuple[str, ...]) -> tuple[str, str]:
    """Return the run of a folder and the prefix of its tags.

    TensorFlow writes a folder for each part, such as run/train; PyTorch one for each series of
    add_scalars, such as run/Loss_train.
    """
    last = parse_name(folders[-1]) if folders else None
    if last and last.part and (last.is_loss or last.is_score or part_of(folders[-1])):
        return "/".join(folders[:-1]), f"{folders[-1]}/"
    return "/".join(folders), ""


def _unit(metrics: Metrics) -> str:
    return "epoch" if any("epoch" in name for name in metrics) else "step"


FORMAT = FolderFormat(
    name="folder of TensorBoard event files",
    looks="a folder for each run; `train` and `validation` folders are parts of one run; several "
    "runs in one folder are separated",
    files="events.out.tfevents.*",
    example={},
    claim=claim_events,
    read=read_folder,
)
