"""The process that reads an uploaded log: `python -m backend.imports.reading_process FOLDER`.

A damaged or hostile file can use up only the time and memory of this process. It reads the request
from standard input and writes the result next to the files. It has no access to the database.
"""

import resource
import sys
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path

import msgspec

from backend.errors import LabError
from backend.imports.found_runs import ChosenLosses, FoundRun, find_in_files, find_runs
from backend.imports.packed_runs import Reading, encode
from backend.log_formats import LogFile, Unreadable, read_logs

FILES = "files"  # the folder of the uploaded files, below that of the upload
RESULT = "result"
FIELD = "{}"
"""The form of options in messages: the fields of the request."""
TOGETHER = "files"
"""The label of files that are one run together."""


class ReadRequest(msgspec.Struct, frozen=True):
    """Files or folders to read, by their names below FILES, and the losses that a person chose.

    `choices` are by the label of the run, `chosen` are for all others.
    """

    roots: tuple[str, ...]
    chosen: ChosenLosses
    choices: Mapping[str, ChosenLosses]
    max_memory_bytes: int
    max_seconds: float
    max_runs: int
    max_points: int


def main() -> None:
    """Read the files and write the result."""
    folder = Path(sys.argv[1])
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=ReadRequest)
    _limit(resource.RLIMIT_DATA, request.max_memory_bytes)
    _limit(resource.RLIMIT_CPU, ceil(request.max_seconds))
    try:
        runs = _runs(folder / FILES, request)
        check(runs, request)
        reading = Reading(runs)
    except LabError as error:
        reading = Reading(refusal=error.detail)
    (folder / RESULT).write_bytes(encode(reading))


def _limit(kind: int, most: int) -> None:
    """Lower a limit of this process."""
    _, hard = resource.getrlimit(kind)
    soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (soft, hard))


def check(runs: Sequence[FoundRun], request: ReadRequest) -> None:
    """Raise Unreadable for more runs or values than an import may have.

    Here, because the web process would need the memory for all of them.
    """
    if len(runs) > request.max_runs:
        raise Unreadable(
            f"The files have {len(runs):,} runs; accepted: at most {request.max_runs:,} at "
            "once (LAB_MAX_IMPORT_RUNS)."
        )
    points = sum(len(series) for run in runs for series in run.series.values())
    if points > request.max_points:
        raise Unreadable(
            f"The files have {points:,} values; accepted: at most {request.max_points:,} at "
            "once (LAB_MAX_IMPORT_POINTS)."
        )


def _runs(folder: Path, request: ReadRequest) -> list[FoundRun]:
    """Return the runs of all files and folders. Raises Unreadable."""
    by_choice = _chosen(folder, request.roots, request.chosen)
    labels = {run.label for run in by_choice}
    others = {choice for label, choice in request.choices.items() if label in labels}
    read = {
        choice: {run.label: run for run in _chosen(folder, request.roots, choice)}
        for choice in others
    }
    return [
        read[request.choices[run.label]].get(run.label, run)
        if run.label in request.choices else run
        for run in by_choice
    ]  # fmt: skip


def _chosen(folder: Path, roots: Sequence[str], chosen: ChosenLosses) -> list[FoundRun]:
    """Return the runs of roots in their order. Files that hold no losses alone are read together.

    Raises Unreadable for a root that cannot be read.
    """
    found: dict[str, list[FoundRun] | Unreadable] = {}
    for root in roots:
        try:
            found[root] = find_runs(str(folder / root), chosen, label=root, option=FIELD)
        except Unreadable as error:
            found[root] = error
    partial = [root for root, runs in found.items() if not _has_losses(runs)]
    together = _together(folder, partial, chosen)
    if together:
        found |= {root: [] for root in partial} | {partial[0]: together}
    return [run for runs in found.values() for run in _readable(runs)]


def _has_losses(runs: list[FoundRun] | Unreadable) -> bool:
    return not isinstance(runs, Unreadable) and any(run.pair or run.alternatives for run in runs)


def _readable(runs: list[FoundRun] | Unreadable) -> list[FoundRun]:
    if isinstance(runs, Unreadable):
        raise runs
    return runs


def _together(folder: Path, roots: Sequence[str], chosen: ChosenLosses) -> list[FoundRun]:
    """Return the runs of files that belong together, such as train.csv and val.csv, else none."""
    files = [LogFile(root, folder / root) for root in roots if (folder / root).is_file()]
    if len(files) < max(2, len(roots)):
        return []
    try:
        if read_logs(files).skipped:
            return []
        runs = find_in_files(files, chosen, label=TOGETHER, option=FIELD)
    except Unreadable:
        return []
    return runs if all(run.pair for run in runs) else []


if __name__ == "__main__":
    main()
