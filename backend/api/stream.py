"""The live stream: what happened after a revision, then what happens, as server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from backend.api import events
from backend.api.dependencies import MAX_ID, MAX_REVISION, DatabaseDep, HubDep
from backend.api.events import Subject
from backend.errors import InvalidInput
from backend.store import Database, changes, experiments, runs

router = APIRouter(prefix="/api/stream", tags=["stream"])

SubjectId = Annotated[int | None, Query(ge=1, le=MAX_ID)]


def subject(database: DatabaseDep, experiment: SubjectId = None, run: SubjectId = None) -> Subject:
    """Return what to follow, before the stream starts. Raises InvalidInput and NotFound."""
    if (experiment is None) == (run is None):
        given = "missing" if run is None else f"{run}, beside an experiment"
        raise InvalidInput(f"run is {given}; accepted: an experiment or a run, one of them.", "run")
    with database.read() as session:
        if run is not None:
            return Subject(runs.get(session, run).experiment_id, run)
        return Subject(experiments.get(session, experiment or 0).id)


def start(
    database: DatabaseDep,
    subject: Annotated[Subject, Depends(subject)],
    after: Annotated[int, Query(ge=0, le=MAX_REVISION, description="Revision last seen.")] = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=MAX_REVISION)] = None,
) -> int:
    """Return the revision to start after: Last-Event-ID, sent on reconnecting, wins.

    A revision that this database has not reached is one of another database, as of a page left
    open while the data folder was changed: the stream then starts at the beginning.
    """
    wanted = after if last_event_id is None else last_event_id
    with database.read() as session:
        newest = changes.revision_of(session, subject.experiment_id)
    return wanted if wanted <= newest else 0


@router.get("", summary="Follow an experiment or a run", response_class=EventSourceResponse)
async def stream(
    database: DatabaseDep,
    hub: HubDep,
    subject: Annotated[Subject, Depends(subject)],
    after: Annotated[int, Depends(start)],
) -> AsyncIterator[ServerSentEvent]:
    """Send events `metric`, `status` and `diagnosis`; an event's id resumes the stream after it.

    Events of a run carry its new points, those of an experiment the state of the run they name.
    """
    with hub.watch(subject.experiment_id) as watch:
        while True:
            watch.looking()
            messages = await run_in_threadpool(_read, database, subject, after)
            for message in messages:
                after = message.event.revision
                yield ServerSentEvent(event=message.event.kind, id=str(after), data=message.data)
            if not messages and not await watch.wait():
                return


def _read(database: Database, subject: Subject, after: int) -> list[events.Message]:
    with database.read() as session:
        return events.read(session, subject, after)
