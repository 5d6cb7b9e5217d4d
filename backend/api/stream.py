"""The live stream: what happened after a revision, then what happens, as server-sent events."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse

from backend.api.dependencies import MAX_REVISION, BroadcasterDep, DatabaseDep, SettingsDep
from backend.errors import InvalidInput, Unavailable
from backend.live import events
from backend.live.broadcaster import Broadcaster
from backend.live.events import EventBatch, StreamSubject
from backend.store import UNREACHABLE, Database, changes, experiments, reason, runs
from backend.store.tables import MAX_ID

logger = logging.getLogger(__name__)

MEDIA_TYPE = "text/event-stream"
THREADS = 2  # that read for streams
PAUSE_SECONDS = 0.1  # at most, between two batches of a stream: what comes meanwhile goes together
STREAMS_A_SECOND = 400  # batches sent, above which the pause is longer: reads have their turn
PING_SECONDS = 15.0  # of silence, after which a comment finds out whether the client is there
PING = b": ping\n\n"


class Reader:
    """Reads for all streams, off the event loop; those at the same place share one reading.

    On threads of its own, and few: two hundred streams that wake at once are not to be in the way
    of a page, nor to take the connections that it needs.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="streams")
        self._readings: dict[tuple[StreamSubject, int, int], asyncio.Future[EventBatch]] = {}

    async def read(self, subject: StreamSubject, after: int, *, moment: int) -> EventBatch:
        """Return what follows `after`; `moment` tells readings before and after a hint apart."""
        place = subject, after, moment
        if place not in self._readings:
            loop = asyncio.get_running_loop()
            reading = loop.run_in_executor(self._threads, self._read, subject, after)
            reading.add_done_callback(lambda _: self._readings.pop(place))
            self._readings[place] = reading
        return await asyncio.shield(self._readings[place])  # one who leaves ends it for nobody

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)

    def _read(self, subject: StreamSubject, after: int) -> EventBatch:
        with self._database.read() as session:
            return events.read(session, subject, after)


router = APIRouter(prefix="/api/stream", tags=["stream"])

SubjectId = Annotated[int | None, Query(ge=1, le=MAX_ID)]


Brief = Annotated[
    bool,
    Query(description="Send one event per kind of change, without the state of each run."),
]


def subject(
    database: DatabaseDep,
    experiment: SubjectId = None,
    run: SubjectId = None,
    brief: Brief = False,
) -> StreamSubject:
    """Return the subject of the stream, before it starts. Raises InvalidInput and NotFound."""
    if brief and run is not None:
        raise InvalidInput("brief is given with a run; accepted: with an experiment.", "brief")
    if (experiment is None) == (run is None):
        given = "missing" if run is None else f"{run}, beside an experiment"
        raise InvalidInput(f"run is {given}; accepted: an experiment or a run, one of them.", "run")
    with database.read() as session:
        if run is not None:
            return StreamSubject(runs.get(session, run).experiment_id, run)
        return StreamSubject(experiments.get(session, experiment or 0).id, brief=brief)


async def reader(request: Request) -> Reader:
    """Return the app's one reader."""
    found: Reader = request.app.state.reader
    return found


def start(
    database: DatabaseDep,
    broadcaster: BroadcasterDep,
    settings: SettingsDep,
    subject: Annotated[StreamSubject, Depends(subject)],
    after: Annotated[int, Query(ge=0, le=MAX_REVISION, description="Revision last seen.")] = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=MAX_REVISION)] = None,
) -> int:
    """Return the revision to start after: Last-Event-ID, sent on reconnecting, wins.

    A revision that this database does not know is one of another database, as of a page left open
    while a backup was restored: the stream then starts at the beginning.
    """
    if broadcaster.open_subscriptions >= settings.max_streams:
        raise Unavailable(
            f"There are {broadcaster.open_subscriptions} streams; LAB_MAX_STREAMS allows no more."
        )
    wanted = after if last_event_id is None else last_event_id
    with database.read() as session:
        known = changes.is_known(session, subject.experiment_id, wanted)
    return wanted if known else 0


@router.get(
    "",
    summary="Follow an experiment or a run",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {}}, "description": "Server-sent events"}},
)
async def stream(
    reader: Annotated[Reader, Depends(reader)],
    broadcaster: BroadcasterDep,
    subject: Annotated[StreamSubject, Depends(subject)],
    after: Annotated[int, Depends(start)],
) -> StreamingResponse:
    """Send events `metric`, `status` and `diagnosis`; an event's id resumes the stream after it.

    Events of a run carry its new points, those of an experiment the state of the run they name.
    """
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    following = _follow(reader, broadcaster, subject, after)
    return StreamingResponse(following, headers=headers, media_type=MEDIA_TYPE)


async def _follow(
    reader: Reader, broadcaster: Broadcaster, subject: StreamSubject, after: int
) -> AsyncGenerator[bytes, None]:
    """Yield what happened, a batch at a time; batches are written once for all who follow.

    At most one batch waits for a client that reads slowly: the next is read once it was taken.
    """
    with broadcaster.subscribe(subject.experiment_id) as subscription:
        yield PING  # a browser knows that the stream is open
        said, more = time.monotonic(), True
        while more or await subscription.wait():
            try:
                batch = await reader.read(subject, after, moment=subscription.start_reading())
            except UNREACHABLE as error:
                logger.warning("a stream ends, its client will come back: %s", reason(error))
                return
            more = batch.more
            if batch.messages:
                after = batch.messages[-1].event.revision
                yield batch.encoded
            elif time.monotonic() - said < PING_SECONDS:
                continue
            else:
                yield PING
            said = time.monotonic()
            await asyncio.sleep(0 if more else _until_the_next_beat(broadcaster.open_subscriptions))


def _until_the_next_beat(streams: int) -> float:
    """Return the seconds to wait, for all streams to one time, so that they share a reading."""
    pause = max(PAUSE_SECONDS, streams / STREAMS_A_SECOND)
    return pause - time.monotonic() % pause
