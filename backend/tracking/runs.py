"""External runs: create, update, end, delete and restore."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal
from uuid import uuid4

from sqlalchemy.orm import Session

from backend.errors import Conflict, NotFound
from backend.runs import curation
from backend.runs.states import ENDED, State
from backend.runs.verdict_tags import without_verdict
from backend.store import external_runs, planned_runs
from backend.store.external_runs import LoggedRun, NewRun
from backend.tracking import diagnoses, experiments
from backend.tracking.limits import (
    MAX_EXTERNAL_ID_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_TAG_CHARACTERS,
    check_text,
    check_texts,
    stored_time,
)
from backend.tracking.run_names import random_name

Source = Literal["mlflow", "trackio", "python", "import"]
"""The way in which a run arrives."""


def create_run(
    session: Session,
    experiment_id: int,
    source: Source,
    *,
    external_id: str | None = None,
    name: str | None = None,
    user: str = "",
    start_time: int | None = None,
    tags: Mapping[str, str] | None = None,
) -> LoggedRun:
    """Start a run; an id and a name are made up if the client gives none.

    `start_time` is in milliseconds since 1970. Raises NotFound, InvalidInput, and Conflict for a
    deleted experiment or an id that is taken.
    """
    if experiments.get(session, experiment_id).deleted_at is not None:
        raise Conflict(f"Experiment {experiment_id} is deleted; restore it first.")
    new = NewRun(
        external_id=external_id or uuid4().hex,
        name=name or random_name(),
        user=user,
        source=source,
        start_time=stored_time(start_time),
    )
    check_text(new.external_id, "run id", MAX_EXTERNAL_ID_CHARACTERS)
    check_text(new.name, "run name", MAX_NAME_CHARACTERS)
    check_text(new.user, "user", MAX_NAME_CHARACTERS)
    check_texts(tags or {}, "tags", MAX_TAG_CHARACTERS)
    if external_id and external_runs.locate(session, [external_id]):
        raise Conflict(f"There is a run {external_id} already.", "run id")
    run = external_runs.create(session, experiment_id, new)
    if own := without_verdict(tags or {}):
        external_runs.set_tags(session, run, own)
    return run


def locate(session: Session, external_id: str, *, deleted: bool = False) -> LoggedRun:
    """Return the run to write to, locked until the end of the transaction.

    Raises NotFound, and Conflict for a deleted run, unless `deleted` accepts it.
    """
    run = external_runs.locate(session, [external_id]).get(external_id)
    if run is None:
        raise NotFound(f"There is no run {external_id}.")
    if run.deleted and not deleted:
        raise Conflict(f"Run {external_id} is deleted; restore it first.")
    return run


def update_run(
    session: Session,
    external_id: str,
    *,
    status: State | None = None,
    client_status: str | None = None,
    end_time: int | None = None,
    name: str | None = None,
) -> LoggedRun:
    """Change the state or the name of a run, as its client reports it; None changes nothing.

    A client may set any state at any time, except that of a run that an agent started. A run that
    ends is diagnosed. Raises NotFound,
    InvalidInput, and Conflict for a deleted run.
    """
    run = locate(session, external_id)
    if name is not None:
        check_text(name, "run name", MAX_NAME_CHARACTERS)
        external_runs.rename(session, run, name)
    if status is None and end_time is None:
        return run
    if run.source == planned_runs.SOURCE:  # its agent reports its state
        external_runs.note_client_status(session, run, client_status, stored_time(end_time))
        return run
    status = status or run.status
    external_runs.set_status(
        session, run, status, client_status=client_status, end_time=stored_time(end_time)
    )
    if status in ENDED:
        diagnoses.diagnose_now(session, run)
    return replace(run, status=status)


def lose_silent(session: Session, *, listening_since: int) -> list[LoggedRun]:
    """End runs whose client has been silent for too long, and diagnose and return them.

    Time before `listening_since` does not count, because the service did not listen then.
    """
    lost = external_runs.lose_silent(session, listening_since=listening_since)
    for run in lost:
        diagnoses.diagnose_now(session, run)
    return lost


def delete_run(session: Session, external_id: str) -> None:
    """Delete a run, so that it can be restored. Raises NotFound."""
    run = locate(session, external_id, deleted=True)
    curation.delete(session, "run", [run.run_id])


def restore_run(session: Session, external_id: str, *, deleted_days: float) -> None:
    """Restore a run.

    Raises NotFound, and Conflict if it is being removed or its experiment is deleted.
    """
    run = locate(session, external_id, deleted=True)
    curation.restore(session, "run", [run.run_id], deleted_days=deleted_days)
