"""Doctor: checks the consistency of the data and the services around it.

It only reads, in one transaction, so it can run while the product is in use.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy.orm import Session

from backend.operations.database_marker import way_out
from backend.operations.migration import opened, refuse_missing
from backend.operations.service_health import free_bytes
from backend.scheduling.worker_registry import registered_workers
from backend.settings import Settings
from backend.store import Database, consistency, runs

CheckOutcome = Literal["well", "warning", "wrong"]

LOW_DISK_BYTES = 1 << 30  # a day of training may write this much


@dataclass(frozen=True)
class Check:
    """Result of one check. The outcome "wrong" is an error in the data or the schema."""

    name: str
    outcome: CheckOutcome
    sentences: list[str] = field(default_factory=list)


def examine(settings: Settings, *, everything: bool = False) -> Iterator[Check]:
    """Yield the checks one by one. `everything` reads every stored point.

    Raises InvalidInput and Unavailable if the database cannot be opened.
    """
    refuse_missing(settings)
    with opened(settings, in_service=True) as database:
        missing = consistency.schema_problems(database)
        yield _data("schema", missing)
        if not missing:
            yield from _database(database, everything, way_out(settings))
            yield from _surroundings(settings, database)


def _database(database: Database, everything: bool, way_out: str) -> Iterator[Check]:
    """Check the data in one snapshot of the database. `way_out` is for a damaged file."""
    checks: dict[str, Callable[[Session], list[str]]] = {
        "storage": consistency.file_problems,
        "references": consistency.reference_problems,
        "states": consistency.state_problems,
        "epochs": consistency.epoch_problems,
        "changes": consistency.revision_problems,
    }
    with database.read() as session:
        for name, check in checks.items():
            problems = check(session)
            yield _data(name, [*problems, way_out] if problems and name == "storage" else problems)
        known = consistency.recent_runs(session, None)
        read = (
            known if everything else consistency.recent_runs(session, consistency.MAX_POINTS_READ)
        )
        wrong = consistency.summary_problems(session, read)
    left_out = len(known) - len(read)
    skipped = [f"{left_out:,} older runs were skipped; --all reads them too."] if left_out else []
    yield Check("points", "wrong" if wrong else "well", wrong + skipped)


def _surroundings(settings: Settings, database: Database) -> Iterator[Check]:
    """Check disk, broker and workers, which may fail while the data is correct."""
    yield _warning("disk", _disk(settings))
    workers = registered_workers(settings.broker_url)
    broker_down = workers is None
    yield _warning(
        "broker",
        ["The message broker is unreachable. Queued runs start when it is back."]
        if broker_down
        else [],
    )
    with database.read() as session:
        waiting = sum(runs.count_unended(session).values())
        abandoned = consistency.count_abandoned(session)
    sentences = []
    if waiting and workers == []:
        sentences.append(f"No worker is registered; {waiting:,} runs have not ended.")
    if abandoned:
        sentences.append(
            f"{abandoned:,} runs lost their worker more than a minute ago. "
            "They continue once the web service runs."
        )
    yield _warning("workers", sentences)


def _disk(settings: Settings) -> list[str]:
    free = free_bytes(settings.data_dir)
    if free is None or free >= LOW_DISK_BYTES:
        return []
    return [f"Only {free / 1e6:,.0f} MB are free in {settings.data_dir}."]


def _warning(name: str, sentences: list[str]) -> Check:
    return Check(name, "warning" if sentences else "well", sentences)


def _data(name: str, wrong: list[str]) -> Check:
    return Check(name, "wrong" if wrong else "well", wrong)
