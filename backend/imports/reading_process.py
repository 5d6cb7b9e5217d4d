"""The process that reads an uploaded log: `python -m backend.imports.reading_process FOLDER`.

A damaged or hostile file can use up only the time and memory of this process. It reads the request
from standard input and writes the result next to the files. It has no access to the database.
"""

import resource
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from backend.errors import LabError
from backend.imports.found_runs import ChosenLosses, FoundRun, find_runs
from backend.imports.packed_runs import PackedRun, Reading, encode

FILES = "files"  # the folder of the uploaded files, below that of the upload
RESULT = "result"


class ReadRequest(msgspec.Struct, frozen=True):
    """Files or folders to read, by their names below FILES, and the losses that a person chose.

    `choices` are by the label of the run, `chosen` are for all others.
    """

    roots: tuple[str, ...]
    chosen: ChosenLosses
    choices: Mapping[str, ChosenLosses]
    max_memory_bytes: int


def main() -> None:
    """Read the files and write the result."""
    folder = Path(sys.argv[1])
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=ReadRequest)
    _limit_memory(request.max_memory_bytes)
    try:
        runs = [run for root in request.roots for run in _runs(folder, root, request)]
        reading = Reading([PackedRun.of(run) for run in runs])
    except LabError as error:
        reading = Reading(refusal=error.detail)
    (folder / RESULT).write_bytes(encode(reading))


def _limit_memory(most: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _runs(folder: Path, root: str, request: ReadRequest) -> list[FoundRun]:
    """Return the runs of a root; those with a choice of their own are read with it."""
    path = str(folder / FILES / root)
    runs = find_runs(path, request.chosen, root)
    if not any(run.label in request.choices for run in runs):
        return runs
    by_choice = {
        choice: {run.label: run for run in find_runs(path, choice, root)}
        for choice in {request.choices[r.label] for r in runs if r.label in request.choices}
    }
    return [by_choice[request.choices[run.label]].get(run.label, run)
            if run.label in request.choices else run for run in runs]  # fmt: skip


if __name__ == "__main__":
    main()
