"""lab up: the whole product in one command."""

from argparse import Namespace
from contextlib import suppress

from backend import supervisor
from backend.cli.configuration import configured


def run(options: Namespace) -> int:
    """Start everything and keep it running until Ctrl-C."""
    settings = configured(options, "host", "port", "workers", "data_dir")
    supervisor.run(settings, say)
    return 0


def say(text: str) -> None:
    """Print at once; a terminal that was closed is no reason to fail."""
    with suppress(OSError):
        print(text, flush=True)
