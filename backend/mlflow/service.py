"""The parts of the service that answer MLflow's clients, and the experiment with the id 0."""

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
    if not written.isdecimal() or not written.isascii():
        raise InvalidParameter(f"experiment_id is {written[:60]!a}; accepted: a whole number.")
    if written == DEFAULT_ID:
        return named(session, DEFAULT_NAME)
    if len(written) > len(str(MAX_ID)):
        raise NotFound(f"There is no experiment {written[:60]}.")
    return experiments.get(session, int(written))


def named(session: Session, name: str) -> Experiment:
    """Return the experiment with a name, or else the newest deleted one. Raises NotFound."""
    found = external_experiments.by_name(session, name)
    found = found or external_experiments.by_name(session, name, deleted=True)
    if found is None:
        raise NotFound(f"There is no experiment with the name {name[:60]!a}.")
    return found


def ensure_default(database: Database) -> None:
    """Create the experiment with the id 0, which clients expect to exist."""
    with database.read() as session:
        names = [external_experiments.by_name(session, DEFAULT_NAME, deleted=deleted)
                 for deleted in (False, True)]  # fmt: skip
    if not any(names):
        with database.write() as session:
            experiments.find_or_create(session, DEFAULT_NAME)
