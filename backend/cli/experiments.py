"""Commands on experiments of a running server: submit, watch, retry, remedies, export."""

import json
import shutil
import sys
import tempfile
from argparse import Namespace
from pathlib import Path
from zipfile import ZipFile

from backend.cli.client import Client
from backend.cli.terminal import say
from backend.cli.watch import follow, follow_until
from backend.errors import InvalidInput
from backend.specification.params import JsonObject

EXPORT_SUFFIX = {"html": ".html", "spec": ".yaml", "csv": "", "parquet": ""}


def run_submit(options: Namespace) -> int:
    """Submit a specification and print its id and URL; with --wait, follow the experiment."""
    client = Client.from_options(options)
    body = _read_specification(options.spec)
    media_type = "application/json" if options.spec.endswith(".json") else "application/yaml"
    if options.dry_run:
        _print_estimate(client.post("/api/experiments", body, media_type, dry_run=True))
        return 0
    submitted = client.create("/api/experiments", body, media_type)
    _print_submitted(client, submitted)
    return follow(client, submitted["id"]) if options.wait else 0


def run_watch(options: Namespace) -> int:
    """Follow one experiment until its runs have ended."""
    client = Client.from_options(options)
    if options.until:
        return follow_until(client, options.id, options.until)
    return follow(client, options.id)


def run_retry(options: Namespace) -> int:
    """Queue the failed runs again and print how many; with --wait, follow the experiment."""
    client = Client.from_options(options)
    path = f"/api/experiments/{options.id}"
    failed = client.get(path)["counts"]["failed"]
    client.create(f"{path}/retry", b"", "application/json")
    say(f"Experiment {options.id}: {_count(failed)} queued again")
    return follow(client, options.id) if options.wait else 0


def run_rename(options: Namespace) -> int:
    """Rename the experiment and print its new name."""
    client = Client.from_options(options)
    experiment = client.patch(f"/api/experiments/{options.id}", {"name": options.name})
    say(f"Experiment {options.id}: {experiment['name']}")
    return 0


def run_remedies(options: Namespace) -> int:
    """Start the follow-up experiment; with --wait, follow it to its comparison."""
    client = Client.from_options(options)
    path = f"/api/experiments/{options.id}/remedies"
    body = json.dumps(_requested_remedies(options)).encode()
    if options.dry_run:
        estimate = client.post(path, body, "application/json", dry_run=True)
        say(_variant_lines(estimate["spec"]["variants"]))
        _print_estimate(estimate)
        return 0
    submitted = client.create(path, body, "application/json")
    _print_submitted(client, submitted, ", ".join(submitted["variants"]))
    return follow(client, submitted["id"]) if options.wait else 0


def run_export(options: Namespace) -> int:
    """Write the export and print its path. An existing path is never overwritten."""
    client = Client.from_options(options)
    out = options.out or Path(f"experiment-{options.id}{EXPORT_SUFFIX[options.format]}")
    if out.exists():
        raise InvalidInput(f"{out} exists; choose another path with --out.")
    if not out.parent.is_dir():
        raise InvalidInput(f"{out.parent} is not a folder; accepted: an existing folder in --out.")
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".lab-export-") as folder:
            _download(client, options, Path(folder), out)
    except OSError as error:
        raise InvalidInput(f"Cannot write {out}: {error.strerror}.") from error
    say(str(out))
    return 0


def _read_specification(spec: str) -> bytes:
    if spec == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(spec).read_bytes()
    except OSError as error:
        raise InvalidInput(f"Cannot read {spec}: {error.strerror}.") from error


def _print_estimate(estimate: JsonObject) -> None:
    """Print the size and cost that a dry run returned."""
    sizes = estimate["parameters"]
    parameters = f"{sizes[0]:,} to {sizes[-1]:,}" if len(sizes) > 1 else f"{sizes[0]:,}"
    say(
        f"{_count(estimate['runs'])}, {parameters} parameters per model, "
        f"about {estimate['estimated_seconds']:.0f} s of training. Nothing was queued."
    )


def _print_submitted(client: Client, submitted: JsonObject, *details: str) -> None:
    """Print the name, number of runs and URL of a new experiment."""
    say(f"Experiment {submitted['id']}: {submitted['name']}, {_count(submitted['runs'])}")
    for line in details:
        say(line)
    say(f"{client.url}{submitted['url']}")


def _count(runs: int) -> str:
    return f"{runs:,} run{'' if runs == 1 else 's'}"


def _requested_remedies(options: Namespace) -> JsonObject:
    only = options.only.split(",") if options.only else None
    body = {"run": options.run, "remedies": only, "seeds": options.seeds}
    return {name: value for name, value in body.items() if value is not None}


def _variant_lines(variants: list[JsonObject]) -> str:
    width = max(len(variant["name"]) for variant in variants)
    return "\n".join(
        f"{variant['name']:{width}}  {variant.get('about', 'The run that was diagnosed.')}"
        for variant in variants
    )


def _download(client: Client, options: Namespace, folder: Path, out: Path) -> None:
    """Download into a temporary folder, then move the complete result to `out`."""
    result = folder / "download"
    client.download(f"/api/experiments/{options.id}/export", result, format=options.format)
    if options.format in ("csv", "parquet") and out.suffix != ".zip":
        with ZipFile(result) as file:
            file.extractall(folder / "unpacked")
        [result] = (folder / "unpacked").iterdir()
    shutil.move(result, out)
