"""Composition root of the web service: creates all parts and connects them."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from types import FrameType
from typing import Any

from fastapi import Depends, FastAPI
from starlette.datastructures import State
from starlette.routing import Route

from backend.access.expiry import remove_expired
from backend.access.exposure import refuse_open_service
from backend.api import (
    analysis,
    audit,
    browser_sessions,
    curation,
    datasets,
    experiments,
    imports,
    operations,
    remedies,
    runs,
    saved_views,
    stream,
    sweeps,
    tokens,
    tracking,
    trackio,
)
from backend.imports.reading import LogReader
from backend.imports.upload_folder import remove_left_folders
from backend.live.notifications import BackgroundNotifier, Broadcaster, Notifier
from backend.live.webhook import Webhook
from backend.mlflow import app as mlflow
from backend.mlflow import prefixes
from backend.mlflow.errors import envelope
from backend.mlflow.service import Service
from backend.operations.prometheus import PrometheusMetrics
from backend.operations.service_health import HealthChecks
from backend.own_data.leftovers import remove_leftovers
from backend.own_data.sandbox import Turn
from backend.own_data.sources import install
from backend.scheduling.dispatcher import Dispatcher, make_celery
from backend.scheduling.scheduler import Scheduler
from backend.settings import Settings
from backend.store import Database
from backend.store.engine import CommitEffects
from backend.tracking.file_store import FileStore, remove_unused_files
from backend.tracking.live_verdicts import LiveVerdicts
from backend.tracking.writer import LogWriter
from backend.web.access import Access
from backend.web.audit import Audit, record_change
from backend.web.authentication import Authenticator
from backend.web.dependencies import known_query
from backend.web.errors import ErrorBody, ErrorHandlers
from backend.web.heavy_work import HeavyWork
from backend.web.methods import Methods, known_method
from backend.web.requests import RequestLog
from backend.web.security import Security

_API = (
    experiments,
    analysis,
    remedies,
    curation,
    datasets,
    saved_views,
    runs,
    stream,
    trackio,
    tracking,
    imports,
    sweeps,
    operations,
    tokens,
    browser_sessions,
    audit,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the web service: REST, live stream and pages. The database must be migrated.

    Raises InvalidInput if other machines could use it without a token.
    """
    settings = settings or Settings()
    refuse_open_service(settings)
    app = FastAPI(
        title="Overfit Lab",
        summary="Runs, tracks and explains overfitting experiments.",
        lifespan=_lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,  # Swagger UI and ReDoc load scripts from other hosts
        redoc_url=None,
    )
    _create_parts(app.state, settings)
    errors = ErrorHandlers()
    errors.install(app)
    app.add_middleware(Audit, database=app.state.database)
    app.add_middleware(Access, authenticator=app.state.authenticator, respond=errors.respond)
    app.add_middleware(Security, settings=settings, respond=errors.respond)
    app.add_middleware(
        RequestLog, prometheus=app.state.prometheus, work_seconds=settings.work_seconds
    )
    _mount_mlflow(app, errors)
    for module in _API:
        app.include_router(
            module.router,
            dependencies=[Depends(known_method), Depends(known_query)],
            responses={"4XX": {"model": ErrorBody}},
        )
    app.include_router(trackio.router, prefix="/trackio/{external_id}")  # of planned runs
    _mount_pages(app, errors)
    app.state.methods = Methods(app.routes)
    return app


def _create_parts(state: State, settings: Settings) -> None:
    """Create the parts that requests use."""
    state.settings = settings
    state.heavy_work = HeavyWork(settings)
    state.log_reader = LogReader(settings)
    state.table_turn = Turn()
    state.database = Database(settings.database_url, in_service=True)
    install(settings, state.database)
    state.authenticator = Authenticator(settings, state.database)
    state.dispatcher = Dispatcher(
        make_celery(settings),
        state.database,
        workers=settings.workers,
        memory=settings.memory << 20,
    )
    state.notifier = Notifier(settings.broker_url)
    url = settings.webhook_url
    state.webhook = Webhook(url, state.database) if url else None
    state.background_notifier = BackgroundNotifier(state.notifier)
    state.database.before_commit = record_change
    state.database.after_commit = partial(
        _notify, state.dispatcher, state.background_notifier, state.webhook
    )
    state.broadcaster = Broadcaster(settings.broker_url)
    state.reader = stream.StreamReader(state.database)
    state.health_checks = HealthChecks(settings, state.database, state.dispatcher)
    state.prometheus = PrometheusMetrics(
        state.database, state.dispatcher, state.notifier, state.broadcaster, state.health_checks
    )


def _notify(
    dispatcher: Dispatcher,
    notifier: BackgroundNotifier,
    webhook: Webhook | None,
    effects: CommitEffects,
) -> None:
    """Send queued runs to the broker, and notify streams and webhook, after a commit."""
    if webhook is not None:
        webhook.send(effects.turned_verdicts)
    if effects.runs_queued:
        dispatcher.dispatch_now()
    notifier.notify(effects.changed_experiments)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    scheduler = state.scheduler = state.health_checks.scheduler = Scheduler(
        state.database,
        state.dispatcher,
        deleted_days=state.settings.deleted_days,
        lease_seconds=state.settings.lease_seconds,
        agent_lease_seconds=state.settings.agent_lease_seconds,
        remove_expired=partial(remove_expired, state.database, state.settings),
    )
    scheduler.start()
    await asyncio.to_thread(remove_left_folders, state.settings.data_dir)
    live_verdicts = LiveVerdicts(state.database)
    live_verdicts.start()
    state.broadcaster.start()
    _close_on_signal(state.broadcaster)
    await asyncio.to_thread(remove_leftovers, state.database)
    sweep = asyncio.create_task(remove_unused_files(state.database, state.files))
    yield
    sweep.cancel()
    await asyncio.to_thread(state.log_writer.stop)
    await state.broadcaster.stop()
    await asyncio.to_thread(scheduler.stop)
    await asyncio.to_thread(live_verdicts.stop)
    if state.webhook is not None:
        await asyncio.to_thread(state.webhook.stop)
    state.reader.close()
    await asyncio.to_thread(state.background_notifier.stop)
    state.notifier.close()
    state.database.dispose()


def _close_on_signal(broadcaster: Broadcaster) -> None:
    """Close the event streams as soon as the process receives a stop signal.

    The server waits for open streams before it ends the lifespan, so they must be closed first.
    """
    if threading.current_thread() is not threading.main_thread():
        return  # in tests: signals work in the main thread only
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        server_handler = signal.getsignal(number)

        def close_first(
            number: int, frame: FrameType | None, server_handler: Any = server_handler
        ) -> None:
            loop.call_soon_threadsafe(broadcaster.close)
            server_handler(number, frame)

        if callable(server_handler):
            signal.signal(number, close_first)


def _mount_mlflow(app: FastAPI, errors: ErrorHandlers) -> None:
    """Answer MLflow's clients. Mounted first, because no other routes are used as often."""
    state = app.state
    state.log_writer = LogWriter(state.database)
    state.files = FileStore(state.settings.data_dir / "artifacts")
    service = Service(
        state.database, state.log_writer, state.files, deleted_days=state.settings.deleted_days
    )
    for prefix in prefixes.PREFIXES:
        app.mount(prefix, mlflow.MlflowApp(service))
    app.router.routes.append(Route("/health", mlflow.Probes(), methods=["GET"]))
    app.mount(prefixes.ROOT, mlflow.Probes())
    errors.envelopes[prefixes.PATHS] = envelope


def _mount_pages(app: FastAPI, errors: ErrorHandlers) -> None:
    import frontend  # nothing else in the backend may import the frontend

    frontend.mount(app)
    errors.render_page = frontend.render_error
    app.state.report = frontend.render_report
