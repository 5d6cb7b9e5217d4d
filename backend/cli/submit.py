"""lab submit: hand a specification to the running service."""

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from backend.cli.service import Service
from backend.cli.watch import follow
from backend.errors import InvalidInput


def run(options: Namespace) -> int:
    """Submit, print the id and address; with --wait follow the experiment to its end."""
    service = Service.named(options)
    body = _read(options.spec)
    media_type = "application/json" if options.spec.endswith(".json") else "application/yaml"
    if options.dry_run:
        print_cost(service.post("/api/experiments", body, media_type, dry_run=True))
        return 0
    made = service.post("/api/experiments", body, media_type)
    print(f"Experiment {made['id']}: {made['name']}, {count(made['runs'])}")
    print(f"{service.url}{made['url']}", flush=True)
    return follow(service, made["id"]) if options.wait else 0


def _read(spec: str) -> bytes:
    if spec == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(spec).read_bytes()
    except OSError as error:
        raise InvalidInput(f"{spec} cannot be read: {error.strerror}.") from error


def print_cost(cost: dict[str, Any]) -> None:
    """Print what a dry run answered."""
    sizes = cost["parameters"]
    many = f"{sizes[0]:,} to {sizes[-1]:,}" if len(sizes) > 1 else f"{sizes[0]:,}"
    print(
        f"{count(cost['runs'])}, {many} parameters a model, "
        f"about {cost['estimated_seconds']:.0f} s of training. Nothing was queued."
    )


def count(runs: int) -> str:
    """Write a number of runs."""
    return f"{runs:,} run{'' if runs == 1 else 's'}"
