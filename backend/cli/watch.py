"""Following an experiment on the terminal until its runs have ended."""

import sys
import time
from contextlib import suppress
from typing import Any

from backend.cli.client import Client, JsonObject
from backend.cli.tables import comparison_table, runs_table
from backend.errors import NotFound, Unavailable

POLL_SECONDS = 0.5
UNREACHABLE_SECONDS = 60  # a server that restarts responds well before
RUN_FAILED = 1


def follow(client: Client, experiment_id: int) -> int:
    """Print progress until every run has ended, then the results. Return 1 if a run failed."""
    path = f"/api/experiments/{experiment_id}"
    experiment = client.get(path)
    shown = ""
    while True:
        counts = experiment["counts"]
        unfinished = counts["queued"] + counts["running"]
        line = _progress(counts, unfinished)
        if line != shown:
            _show(line, last=not unfinished)
            shown = line
        if not unfinished:
            break
        time.sleep(POLL_SECONDS)
        experiment = _get_with_retries(client, path)
    print(runs_table(_all_runs(client, path)))
    if len(experiment["spec"].get("variants", [])) > 1:
        _compare(client, path)
    return RUN_FAILED if counts["failed"] else 0


def _compare(client: Client, path: str) -> None:
    """Print the comparison of the variants, which exists unless each variant is a whole grid."""
    with suppress(NotFound):
        print(f"\n{comparison_table(client.get(f'{path}/comparison'))}")


def _get_with_retries(client: Client, path: str) -> Any:
    """Send a GET request, retrying for a while when the server is unreachable."""
    deadline = time.monotonic() + UNREACHABLE_SECONDS
    while True:
        try:
            return client.get(path)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)


def _progress(counts: dict[str, int], unfinished: int) -> str:
    total = sum(counts.values())
    notes = [f"{counts[state]} {state}" for state in ("running", "failed", "cancelled")]
    parts = [f"{total - unfinished} of {total} runs ended"]
    return ", ".join(parts + [note for note in notes if not note.startswith("0 ")])


def _show(line: str, *, last: bool) -> None:
    """Print progress: replace the previous line on a terminal, else print a new line."""
    if sys.stdout.isatty():
        print(f"\r\033[K{line}", end="\n" if last else "", flush=True)
    else:
        print(line, flush=True)


def _all_runs(client: Client, path: str) -> list[JsonObject]:
    runs: list[JsonObject] = []
    query: JsonObject = {"limit": 1000}
    while True:
        page = client.get(f"{path}/runs", **query)
        runs += page["items"]
        if page["next_cursor"] is None:
            return runs
        query["cursor"] = page["next_cursor"]
