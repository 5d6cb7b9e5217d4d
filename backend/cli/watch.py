"""lab watch: follow an experiment to its end."""

import sys
import time
from argparse import Namespace
from contextlib import suppress
from typing import Any

from backend.cli import comparison
from backend.cli.results import table
from backend.cli.service import Service
from backend.errors import NotFound, Unavailable

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 60  # a server that is started anew answers well before
RUN_FAILED = 1


def run(options: Namespace) -> int:
    """Follow one experiment."""
    return follow(Service.named(options), options.id)


def follow(service: Service, experiment_id: int) -> int:
    """Print progress until every run has ended, then the results; 1 when a run failed."""
    path = f"/api/experiments/{experiment_id}"
    experiment = service.get(path)
    shown = ""
    while True:
        counts = experiment["counts"]
        waiting = counts["queued"] + counts["running"]
        line = _progress(counts, waiting)
        if line != shown:
            _show(line, last=not waiting)
            shown = line
        if not waiting:
            break
        time.sleep(POLL_SECONDS)
        experiment = _patiently(service, path)
    print(table(_all_runs(service, path)))
    if len(experiment["spec"].get("variants", [])) > 1:
        _compare(service, path)
    return RUN_FAILED if counts["failed"] else 0


def _compare(service: Service, path: str) -> None:
    """Print the comparison of the variants, unless each is a whole grid."""
    with suppress(NotFound):
        print(f"\n{comparison.table(service.get(f'{path}/comparison'))}")


def _patiently(service: Service, path: str) -> Any:
    """GET, waiting for a server that is away for a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return service.get(path)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)


def _progress(counts: dict[str, int], waiting: int) -> str:
    total = sum(counts.values())
    notes = [f"{counts[state]} {state}" for state in ("running", "failed", "cancelled")]
    parts = [f"{total - waiting} of {total} runs ended"]
    return ", ".join(parts + [note for note in notes if not note.startswith("0 ")])


def _show(line: str, *, last: bool) -> None:
    """Print progress: over the line before on a terminal, as a line of its own elsewhere."""
    if sys.stdout.isatty():
        print(f"\r\033[K{line}", end="\n" if last else "", flush=True)
    else:
        print(line, flush=True)


def _all_runs(service: Service, path: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 1000}
    while True:
        page = service.get(f"{path}/runs", **query)
        runs += page["items"]
        if page["next_cursor"] is None:
            return runs
        query["cursor"] = page["next_cursor"]
