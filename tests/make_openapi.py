"""Writes tests/data/openapi.json, the snapshot of the REST interface.

Run `python -m tests.make_openapi` after an intended change of the REST interface, and commit the
file together with the change. A reviewer then reads the change of the interface in its diff.

The snapshot holds paths, parameters, request bodies, status codes and schemas. Prose (titles,
descriptions, summaries) and names of Python functions and classes are left out, and schemas stand
in full where they are used. So rewording and renaming in the code leave the snapshot as it was.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from backend.main import create_app
from backend.settings import Settings

SNAPSHOT = Path(__file__).parent / "data" / "openapi.json"
PROSE = {"title", "description", "summary", "operationId"}
LINE_WIDTH = 100


def make_snapshot() -> str:
    """Return the text of the snapshot for the app as the code defines it now."""
    with TemporaryDirectory() as folder:
        document = create_app(Settings(data_dir=Path(folder))).openapi()
    schemas = document["components"]["schemas"]
    return to_text(expand(document["paths"], schemas)) + "\n"


def expand(value: Any, schemas: dict[str, Any]) -> Any:
    """Return a part of the document without prose, each reference replaced by its schema."""
    if isinstance(value, list):
        return [expand(item, schemas) for item in value]
    if not isinstance(value, dict):
        return value
    expanded = {
        key: expand(item, schemas)
        for key, item in value.items()
        if not (key in PROSE and isinstance(item, str))  # a property may be named `title`
    }
    if reference := expanded.pop("$ref", None):
        return expand(schemas[reference.rpartition("/")[2]], schemas) | expanded
    return expanded


def to_text(value: Any, indent: int = 0) -> str:
    """Return JSON with sorted keys. Values that fit in a line are not broken, for short diffs."""
    line = json.dumps(value, sort_keys=True)
    if len(line) + indent <= LINE_WIDTH or not isinstance(value, dict | list):
        return line
    if isinstance(value, list):
        opening, closing = "[", "]"
        parts = [to_text(item, indent + 1) for item in value]
    else:
        opening, closing = "{", "}"
        parts = [f"{json.dumps(key)}: {to_text(value[key], indent + 1)}" for key in sorted(value)]
    separator = "\n" + " " * (indent + 1)
    return opening + separator + f",{separator}".join(parts) + "\n" + " " * indent + closing


if __name__ == "__main__":
    SNAPSHOT.write_text(make_snapshot())
