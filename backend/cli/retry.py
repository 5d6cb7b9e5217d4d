"""lab retry: train the failed runs of an experiment once more."""

from argparse import Namespace

from backend.cli.service import Service
from backend.cli.submit import count
from backend.cli.watch import follow


def run(options: Namespace) -> int:
    """Queue what failed and print how much that was; with --wait follow the experiment."""
    service = Service.named(options)
    path = f"/api/experiments/{options.id}"
    failed = service.get(path)["counts"]["failed"]
    service.post(f"{path}/retry", b"", "application/json")
    print(f"Experiment {options.id}: {count(failed)} to be trained again", flush=True)
    return follow(service, options.id) if options.wait else 0
