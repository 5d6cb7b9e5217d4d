"""The web process of `lab up`: brings the database to the newest schema, then serves.

One process does both: loading what the database needs twice would cost the first page a second.
"""

import sys

import uvicorn

from backend import journal
from backend.errors import LabError
from backend.main import create_app
from backend.migration import migrate
from backend.settings import Settings

STREAMS_END_SECONDS = 1  # without it, uvicorn waits for open browser streams for ever


def main() -> None:
    """Serve until SIGTERM. A database that is no use is told in the last line of the log."""
    settings = Settings()
    journal.configure(settings.log, process="web")
    try:
        migrate(settings)
    except LabError as error:
        sys.exit(error.detail)
    serve(settings)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM. The database must be migrated."""
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        timeout_graceful_shutdown=STREAMS_END_SECONDS,
        server_header=False,
        access_log=False,
        log_config=None,  # the journal's
    )


if __name__ == "__main__":
    main()
