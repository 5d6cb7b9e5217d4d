"""The composition root of the web service: the one place where all parts meet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from backend.api import experiments, health, runs, stream
from backend.api.errors import ErrorHandlers
from backend.api.security import Security
from backend.hints import Hints
from backend.keeper import Keeper
from backend.live import Hub
from backend.queue import Queue, make_celery
from backend.settings import Settings
from backend.store import Database


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the web service: REST, live stream and pages. The database must be migrated."""
    settings = settings or Settings()
    app = FastAPI(
        title="Overfit Lab",
        summary="Runs, tracks and explains overfitting experiments.",
        lifespan=_lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,  # Swagger UI and ReDoc come from elsewhere and need inline script
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.database = Database(settings.database_url)
    app.state.queue = Queue(make_celery(settings), app.state.database)
    app.state.hints = Hints(settings.broker_url)
    app.state.hub = Hub(settings.broker_url)
    errors = ErrorHandlers()
    errors.install(app)
    app.add_middleware(Security, settings=settings, respond=errors.respond)
    for module in (experiments, runs, stream, health):
        app.include_router(module.router)
    _mount_pages(app, errors)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    keeper = Keeper(state.database, state.queue, state.hints)
    keeper.start()
    state.hub.start()
    yield
    await state.hub.stop()
    await asyncio.to_thread(keeper.stop)
    state.hints.close()
    state.database.dispose()


def _mount_pages(app: FastAPI, errors: ErrorHandlers) -> None:
    try:  # TODO: plain import once the pages are there
        import frontend
    except ImportError:
        return
    frontend.mount(app)
    errors.render_page = frontend.render_error
