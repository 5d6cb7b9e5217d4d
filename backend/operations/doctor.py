"""Examines the whole product: the database's truth, and what the service needs around it.

Reads only, in one transaction of the database, so it may be used while everything runs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy.orm import Session

from backend.operations.disk_space import free_bytes
from backend.operations.migration import opened, refuse_missing
from backend.scheduling.worker_registry import registered_workers
from backend.settings import Settings
from backend.store import Database, consistency, runs

Outcome = Literal["well", "warning", "wrong"]

LITTLE_BYTES = 1 << 30  # of free disk: a day's training may take that


@dataclass(frozen=True)
class Check:
    """One thing that was examined: `outcome` wrong is an error in the data or the schema."""

    name: str
    outcome: Outcome
    said: list[str] = field(default_factory=list)


def examine(settings: Settings, *, everything: bool = False) -> Iterator[Check]:
    """Yield the checks as they are made; `everything` reads every point there is.

    Raises InvalidInput and Unavailable when there is no database to examine.
    """
    refuse_missing(settings)
    with opened(settings) as database:
        lacks = consistency.lacking(database)
        yield _data("schema", lacks)
        if not lacks:
            yield from _database(database, everything)
            yield from _surroundings(settings, database)


def _database(database: Database, everything: bool) -> Iterator[Check]:
    """Examine the data, all of it as it was at one moment."""
    checks: dict[str, Callable[[Session], list[str]]] = {
        "storage": consistency.damaged,
        "references": consistency.orphans,
        "states": consistency.untrue_states,
        "epochs": consistency.untrue_epochs,
        "changes": consistency.untrue_revisions,
    }
    with database.read() as session:
        for name, check in checks.items():
            yield _data(name, check(session))
        known = consistency.recent_runs(session, None)
        read = known if everything else consistency.recent_runs(session, consistency.POINTS)
        wrong = consistency.untrue_summaries(session, read)
    left_out = len(known) - len(read)
    said = [f"{left_out:,} older runs were left out; --all reads them too."] if left_out else []
    yield Check("points", "wrong" if wrong else "well", wrong + said)


def _surroundings(settings: Settings, database: Database) -> Iterator[Check]:
    """Examine what may be missing while the data is as it should be."""
    yield _warned("disk", _disk(settings))
    workers = registered_workers(settings.broker_url)
    silent = workers is None
    yield _warned(
        "broker", ["The broker does not answer; runs wait until it does."] if silent else []
    )
    with database.read() as session:
        waiting = sum(runs.count_unended(session).values())
        abandoned = consistency.abandoned(session)
    said = []
    if waiting and workers == []:
        said.append(f"No worker is there; {waiting:,} runs have not ended.")
    if abandoned:
        said.append(
            f"{abandoned:,} runs lost their worker more than a minute ago; "
            "the web service, once it is there, has them go on."
        )
    yield _warned("workers", said)


def _disk(settings: Settings) -> list[str]:
    free = free_bytes(settings.data_dir)
    if free is None or free >= LITTLE_BYTES:
        return []
    return [f"Only {free / 1e6:,.0f} MB are free in {settings.data_dir}."]


def _warned(name: str, said: list[str]) -> Check:
    return Check(name, "warning" if said else "well", said)


def _data(name: str, wrong: list[str]) -> Check:
    return Check(name, "wrong" if wrong else "well", wrong)
