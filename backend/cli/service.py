"""Commands that start the service or prepare its secrets: up, serve, secrets."""

from argparse import Namespace
from contextlib import suppress

from backend import logging_setup, supervisor
from backend.cli import terminal
from backend.errors import InvalidInput, Unavailable
from backend.operations import credentials, data_folder
from backend.private_files import set_private_umask
from backend.settings import load_settings
from backend.supervisor import urls


def run_up(options: Namespace) -> int:
    """Start the broker, the web process and the workers; keep them running until Ctrl-C."""
    flags = ("host", "port", "workers", "data_dir", "local_access")
    supervisor.run(load_settings(options, *flags), say)
    return 0


def run_serve(options: Namespace) -> int:
    """Serve REST and pages until SIGTERM. Expects a migrated database and workers elsewhere."""
    from backend.main import create_app  # here: `lab up` starts without loading the web service
    from backend.supervisor import web

    settings = load_settings(options, "host", "port", "data_dir")
    logging_setup.configure(settings.log, process="web")
    data_folder.protect(settings)
    app = create_app(settings)
    say(f"Overfit Lab is at {urls.url_with_token(settings)}")
    web.serve(app, settings)
    return 0


def run_secrets(options: Namespace) -> int:
    """Create missing secrets; on request renew the token or print how another machine joins."""
    folder = load_settings(options).secrets_dir
    if folder is None:
        raise InvalidInput("LAB_SECRETS_DIR is not set; accepted: the folder for the secrets.")
    set_private_umask()
    try:
        credentials.create_missing(folder)
        if options.new_token:
            credentials.renew_token(folder)
            say("The token was replaced. Restart the web service to use the new one.")
        if options.join:
            lines = credentials.urls(folder, database=options.join, broker=options.join)
            say("\n".join(f"{name}={value}" for name, value in lines.items()))
    except OSError as error:
        raise Unavailable(f"Cannot store secrets in {folder}: {error.strerror}.") from error
    return 0


def say(text: str) -> None:
    """Print and flush a line. A closed terminal is not an error."""
    with suppress(OSError):
        terminal.say(text)
