"""lab remedies: try what may cure an experiment's fit, in one follow-up experiment."""

import json
from argparse import Namespace
from typing import Any

from backend.cli.service import Service
from backend.cli.submit import count, print_cost
from backend.cli.watch import follow


def run(options: Namespace) -> int:
    """Start the follow-up and print its address; with --wait follow it to its comparison."""
    service = Service.named(options)
    path = f"/api/experiments/{options.id}/remedies"
    body = json.dumps(_wanted(options)).encode()
    if options.dry_run:
        found = service.post(path, body, "application/json", dry_run=True)
        print(_listed(found["spec"]["variants"]))
        print_cost(found)
        return 0
    made = service.post(path, body, "application/json")
    print(f"Experiment {made['id']}: {made['name']}, {count(made['runs'])}")
    print(", ".join(made["variants"]))
    print(f"{service.url}{made['url']}", flush=True)
    return follow(service, made["id"]) if options.wait else 0


def _wanted(options: Namespace) -> dict[str, Any]:
    only = options.only.split(",") if options.only else None
    given = {"run": options.run, "remedies": only, "seeds": options.seeds}
    return {name: value for name, value in given.items() if value is not None}


def _listed(variants: list[dict[str, Any]]) -> str:
    width = max(len(each["name"]) for each in variants)
    return "\n".join(
        f"{each['name']:{width}}  {each.get('about', 'The run that was diagnosed.')}"
        for each in variants
    )
