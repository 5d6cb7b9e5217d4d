"""The parts of the service that answer MLflow's clients, and the experiment with the id 0."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.mlflow.answers import DEFAULT_ID
from backend.mlflow.errors import InvalidParameter
from backend.store import Database, external_experiments
from backend.store.external_search import DEFAULT_NAME
from backend.store.tables import MAX_ID, Experiment
from backend.tracking import experiments
from backend.tracking.file_store import FileStore
from backend.tracking.writer import LogWriter

MAX_EXPERIMENTS = 10_000  # of one search


@dataclass(frozen=True)
class Service:
    """Database, writer of logs, store of files, and the days until deleted runs are removed."""

    database: Database
    writer: LogWriter
    files: FileStore
    deleted_days: float


def experiment_of(session: Session, written: str) -> Experiment:
    """Return the experiment that a client names by its id, deleted or not.

    Raises InvalidParameter for an id that is not a number, and NotFound.
    """
    number = _number(written)
    if written == DEFAULT_ID:
        return named(session, DEFAULT_NAME)
    if number is None:
        raise NotFound(f"There is no experiment {written[:60]}.")
    return experiments.get(session, number)


def experiment_ids(session: Session, written: Sequence[str]) -> dict[str, int]:
    """Return the ids of the experiments that a search names, deleted or not.

    Those that do not exist are missing. Raises InvalidParameter for an id that is not a number, and
    for more ids than MAX_EXPERIMENTS.
    """
    if len(written) > MAX_EXPERIMENTS:
        raise InvalidParameter(
            f"experiment_ids has {len(written):,} entries; accepted: up to {MAX_EXPERIMENTS:,}."
        )
    numbers = {id_: _number(id_) for id_ in written}
    wanted = {number for number in numbers.values() if number is not None}
    existing = external_experiments.existing(session, wanted)
    found = {id_: number for id_, number in numbers.items() if number in existing}
    if DEFAULT_ID in numbers and (default := _named(session, DEFAULT_NAME)):
        found[DEFAULT_ID] = default.id
    return found


def _number(written: str) -> int | None:
    """Return an id as a number, None if it is too large. Raises InvalidParameter."""
    if not written.isdecimal() or not written.isascii():
        raise InvalidParameter(f"experiment_id is {written[:60]!a}; accepted: a whole number.")
    if len(written) > len(str(MAX_ID)) or int(written) > MAX_ID:
        return None
    return int(written)


def named(session: Session, name: str) -> Experiment:
    """Return the experiment with a name, or else the newest deleted one. Raises NotFound."""
    found = _named(session, name)
    if found is None:
        raise NotFound(f"There is no experiment with the name {name[:60]!a}.")
    return found


def _named(session: Session, name: str) -> Experiment | None:
    found = external_experiments.by_name(session, name)
    return found or external_experiments.by_name(session, name, deleted=True)


def ensure_default(database: Database) -> None:
    """Create the experiment with the id 0, which clients expect to exist."""
    with database.read() as session:
        names = [external_experiments.by_name(session, DEFAULT_NAME, deleted=deleted)
                 for deleted in (False, True)]  # fmt: skip
    if not any(names):
        with database.write() as session:
            experiments.find_or_create(session, DEFAULT_NAME)
