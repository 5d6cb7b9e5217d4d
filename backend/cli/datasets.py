"""Command on data sets of a running server: dataset add, list, show, diagnose, delete."""

import json
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

from backend.cli.client import Client
from backend.cli.terminal import complain, say
from backend.cli.watch import follow
from backend.errors import NotFound
from backend.specification.params import JsonObject

PATH = "/api/datasets"


def run(options: Namespace) -> int:
    """Run `lab dataset add`, `list`, `show`, `diagnose` or `delete`."""
    return ACTIONS[options.action](Client.from_options(options), options) or 0


def _add(client: Client, options: Namespace) -> None:
    """Upload a file and print the id of the data set, alone on the standard output."""
    path = Path(options.file)
    wanted = {"name": options.name, "target": options.target, "task": options.task}
    fields = {name: value for name, value in wanted.items() if value is not None}
    added = client.upload(PATH, [(path.name, path)], fields)
    if added["target"] is None:
        complain(f"{added['name']} has no target yet: add it with --target, or choose it on")
        complain(f"{client.url}/datasets/{added['id']}")
    else:
        complain(_line(added))
    say(f"{added['id']}")


def _list(client: Client, options: Namespace) -> None:
    items = client.get(PATH)["items"]
    if options.format == "json":
        say(json.dumps(items, indent=1))
        return
    for item in items:
        say(f"{item['id']:>4}  {_line(item)}")
    if not items:
        say("There are no data sets.")


def _show(client: Client, options: Namespace) -> None:
    preview = client.get(f"{PATH}/{_id(client, options.dataset)}/preview")
    if options.format == "json":
        say(json.dumps(preview, indent=1))
        return
    say(_line(preview["dataset"]))
    width = max(len(column["name"]) for column in preview["columns"])
    for column in preview["columns"]:
        say(f"{column['name']:{width}}  {_described(column)}")
    for leak in preview["leaks"]:
        say(f"{leak['column']} alone explains {leak['explained']:.1%} of the target.")
    if preview["duplicates"]:
        say(f"{preview['duplicates']:,} rows repeat another row.")


def _diagnose(client: Client, options: Namespace) -> int:
    """Start the diagnosis. With --wait, follow its runs until they have ended."""
    path = f"{PATH}/{_id(client, options.dataset)}/diagnosis"
    started = client.post(path, b"", "application/json", seconds=options.seconds)
    say(f"Experiment {started['id']}: {started['runs']:,} runs")
    say(f"{client.url}{started['url']}")
    return follow(client, started["id"]) if options.wait else 0


def _delete(client: Client, options: Namespace) -> None:
    client.delete(f"{PATH}/{_id(client, options.dataset)}", confirm=options.yes)
    say(f"Data set {options.dataset} is deleted.")


def _id(client: Client, written: str) -> int:
    """Return the id of a data set that is given by its id or name. Raises NotFound."""
    if written.isdecimal():
        return int(written)
    for item in client.get(PATH)["items"]:
        if item["name"] == written:
            return int(item["id"])
    raise NotFound(f"There is no data set {written}.")


def _line(item: JsonObject) -> str:
    target = f"target {item['target']} ({item['task']})" if item["target"] else "no target"
    return f"{item['name']}: {item['rows']:,} rows, {item['columns']:,} columns, {target}"


def _described(column: JsonObject) -> str:
    parts = [column["kind"], f"{column['distinct']:,} values"]
    if column["low"] is not None:
        parts.append(f"{column['low']:g} to {column['high']:g}")
    if column["missing"]:
        parts.append(f"{column['missing']:,} missing")
    if column["note"]:
        parts.append(column["note"])
    return ", ".join(parts)


ACTIONS: Mapping[str, Callable[[Client, Namespace], int | None]] = {
    "add": _add,
    "list": _list,
    "show": _show,
    "diagnose": _diagnose,
    "delete": _delete,
}
