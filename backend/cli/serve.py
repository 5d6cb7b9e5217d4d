"""lab serve: the web service alone, for containers and machines of their own."""

from argparse import Namespace

from backend import logging_setup
from backend.cli.configuration import configured
from backend.cli.up import say
from backend.supervisor import address, web


def run(options: Namespace) -> int:
    """Serve until SIGTERM. The database has been migrated, workers run elsewhere."""
    settings = configured(options, "host", "port", "data_dir")
    logging_setup.configure(settings.log, process="web")
    say(f"Overfit Lab is at {address.link(settings)}")
    web.serve(settings)
    return 0
