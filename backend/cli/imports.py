"""lab import: store the runs of log files on a server."""

from argparse import Namespace
from collections.abc import Mapping, Sequence

from backend.cli.client import Client
from backend.cli.follow_logs import Follower
from backend.cli.log_paths import logs_at
from backend.cli.terminal import say
from backend.specification.params import JsonObject


def run(options: Namespace) -> int:
    """Import the runs of files and folders; print a line for each run with its id."""
    client = Client.from_options(options)
    if options.follow:
        return Follower(client, options, fields_of(options)).run()
    logs = logs_at(options.paths)
    files = [(log.name, log.path) for log in logs]
    answer = client.upload("/api/imports", files, fields_of(options), dry_run=options.dry_run)
    print_runs(client, answer)
    return 0


def fields_of(options: Namespace) -> Mapping[str, str]:
    """Return the fields of the request that the options set."""
    given = {name: getattr(options, name) for name in ("experiment", "train", "validation")}
    return {name: value for name, value in given.items() if value}


def print_runs(client: Client, answer: JsonObject) -> None:
    """Print a line for each run: id, name, verdict, notes and URL."""
    runs: Sequence[JsonObject] = answer["runs"]
    for run in runs:
        first = "Not imported" if run["id"] is None else f"Run {run['id']}"
        url = "" if run["id"] is None else f" {client.url}/runs/{run['id']}"
        notes = "; ".join(run["notes"])
        in_brackets = f" ({notes})" if notes else ""
        say(f"{first}: {run['name']}: {run['verdict']}{in_brackets}{url}".replace("\n", " "))
