"""Event stream: changes after a revision, then changes as they happen, as server-sent events."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse

from backend.access.identity import current_identity
from backend.errors import InvalidInput, TooManyRequests, Unavailable
from backend.live import events
from backend.live.events import EventBatch, StreamSubject
from backend.live.notifications import Broadcaster
from backend.store import UNREACHABLE, Database, changes, experiments, reason, runs
from backend.store.tables import MAX_ID
from backend.web.connections import client_of
from backend.web.dependencies import MAX_REVISION, BroadcasterDep, DatabaseDep, SettingsDep, Switch

logger = logging.getLogger(__name__)

MEDIA_TYPE = "text/event-stream"
READER_THREADS = 2
MIN_PAUSE_SECONDS = 0.1  # between two batches of a stream, so that changes are sent together
MAX_BATCHES_PER_SECOND = 400  # over all streams; above it the pause grows, for other requests
PING_SECONDS = 15.0  # after this long without a batch, a comment detects vanished clients
RETRY_SECONDS = 10  # until a client with too many streams tries again
PING = b": ping\n\n"


class StreamReader:
    """Reads events outside the event loop. Streams at the same revision share reads.

    It has few threads of its own: two hundred streams that wake at once must not delay pages
    or take their database connections.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="streams")
        self._readings: dict[tuple[StreamSubject, int, int], asyncio.Future[EventBatch]] = {}

    async def read(self, subject: StreamSubject, after: int, *, moment: int) -> EventBatch:
        """Return the events after revision `after`.

        `moment` is the number of notifications so far: reads of different moments are not shared.
        """
        key = subject, after, moment
        if key not in self._readings:
            loop = asyncio.get_running_loop()
            reading = loop.run_in_executor(self._threads, self._read, subject, after)
            reading.add_done_callback(lambda _: self._readings.pop(key))
            self._readings[key] = reading
        # a stream that ends must not cancel the shared read
        return await asyncio.shield(self._readings[key])

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(cancel_futures=True)

    def _read(self, subject: StreamSubject, after: int) -> EventBatch:
        with self._database.read() as session:
            return events.read(session, subject, after)


router = APIRouter(prefix="/api/stream", tags=["stream"])

SubjectId = Annotated[int | None, Query(ge=1, le=MAX_ID)]


Brief = Annotated[
    Switch,
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
        state = "missing" if run is None else f"{run}, together with an experiment"
        raise InvalidInput(f"run is {state}; accepted: either an experiment or a run.", "run")
    with database.read() as session:
        if run is not None:
            return StreamSubject(runs.get(session, run).experiment_id, run)
        return StreamSubject(experiments.get(session, experiment or 0).id, brief=brief)


async def reader(request: Request) -> StreamReader:
    """Return the reader of the app."""
    stream_reader: StreamReader = request.app.state.reader
    return stream_reader


async def client(request: Request) -> str:
    """Return the client of the request, whose streams are counted together.

    Each token counts by itself: behind a proxy all clients may have the same IP address.
    """
    address = client_of(request.client.host) if request.client else "local"
    token = current_identity().name
    return f"{address} (token {token})" if token else address


ClientDep = Annotated[str, Depends(client)]


def start(
    database: DatabaseDep,
    broadcaster: BroadcasterDep,
    settings: SettingsDep,
    client: ClientDep,
    subject: Annotated[StreamSubject, Depends(subject)],
    after: Annotated[int, Query(ge=0, le=MAX_REVISION, description="Revision last seen.")] = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=MAX_REVISION)] = None,
) -> int:
    """Return the revision to start after. Last-Event-ID, sent on reconnecting, takes precedence.

    A revision unknown to this database comes from another one, such as a page left open while a
    backup was restored. The stream then starts at the beginning.
    """
    if broadcaster.open_subscriptions >= settings.max_streams:
        raise Unavailable(
            f"There are {broadcaster.open_subscriptions} streams; LAB_MAX_STREAMS allows no more."
        )
    if broadcaster.subscriptions_of(client) >= settings.max_streams_per_client:
        raise TooManyRequests(
            f"{client} has {broadcaster.subscriptions_of(client)} streams; "
            "LAB_MAX_STREAMS_PER_CLIENT allows no more.",
            RETRY_SECONDS,
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
    reader: Annotated[StreamReader, Depends(reader)],
    broadcaster: BroadcasterDep,
    client: ClientDep,
    subject: Annotated[StreamSubject, Depends(subject)],
    after: Annotated[int, Depends(start)],
) -> StreamingResponse:
    """Send `metric`, `status` and `diagnosis` events. An event's id resumes the stream after it.

    Events in the stream of a run contain its new points. Events in the stream of an experiment
    contain the state of the run that changed.
    """
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    following = _follow(reader, broadcaster, subject, after, client)
    return StreamingResponse(following, headers=headers, media_type=MEDIA_TYPE)


async def _follow(
    reader: StreamReader, broadcaster: Broadcaster, subject: StreamSubject, after: int, client: str
) -> AsyncGenerator[bytes, None]:
    """Yield encoded batches of events, which are shared by all streams at the same revision.

    A slow client has at most one batch waiting: the next is read after it was sent.
    """
    with broadcaster.subscribe(subject.experiment_id, client) as subscription:
        yield PING  # tells the browser that the stream is open
        sent_at, more = time.monotonic(), True
        while more or await subscription.wait():
            try:
                batch = await reader.read(subject, after, moment=subscription.start_reading())
            except UNREACHABLE as error:
                logger.warning("stream closed, the client will reconnect: %s", reason(error))
                return
            more = batch.more
            if batch.messages:
                after = batch.messages[-1].event.revision
                yield batch.encoded
            elif time.monotonic() - sent_at < PING_SECONDS:
                continue
            else:
                yield PING
            sent_at = time.monotonic()
            await asyncio.sleep(0 if more else _pause_seconds(broadcaster.open_subscriptions))


def _pause_seconds(streams: int) -> float:
    """Return the pause until the next common tick, when all streams share one read."""
    pause = max(MIN_PAUSE_SECONDS, streams / MAX_BATCHES_PER_SECOND)
    return pause - time.monotonic() % pause
