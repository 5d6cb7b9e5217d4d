"""The archive of an experiment: its tables, its specification and the software versions."""

import json
import platform
import time
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from io import RawIOBase
from typing import Literal
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import yaml

from backend import __version__
from backend.export import files
from backend.export.tables import metric_table, run_table
from backend.runs.items import experiment_items
from backend.specification.params import JsonObject
from backend.store import Database, experiments

PACKAGES = ("torch", "numpy", "scipy", "plotly", "fastapi", "sqlalchemy", "celery")


def to_yaml(spec: JsonObject) -> str:
    """Return a specification as YAML that can be submitted again."""
    # default_flow_style=None writes lists of values on one line, as people do
    return yaml.safe_dump(
        spec, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )


@cache
def versions() -> dict[str, str]:
    """Return the versions of the product, of Python and of the installed packages."""
    installed = {"overfit-lab": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:  # a web service without a local worker has no torch
            continue
    return installed


TableFormat = Literal["csv", "parquet"]
ArchiveMember = tuple[str, Iterable[bytes]]
"""A file of an archive: its name, and its content in pieces."""

ALREADY_COMPRESSED = (".parquet",)  # Parquet files compress their columns themselves


def archive_members(
    database: Database, experiment_id: int, table_format: TableFormat
) -> Iterator[ArchiveMember]:
    """Yield the files: specification, description, runs, and every metric of every epoch.

    An experiment whose runs other programs train has no specification.

    Raises NotFound before the first file.
    """
    with database.read() as session:
        [item] = experiment_items(session, [experiments.get(session, experiment_id)])
        table = run_table(session, experiment_id)
    description = item.model_dump(exclude={"spec"}) | {"versions": versions()}
    folder = f"experiment-{experiment_id}"
    if item.spec is not None:
        yield f"{folder}/spec.yaml", [to_yaml(item.spec).encode()]
    yield f"{folder}/experiment.json", [json.dumps(description, indent=2).encode()]
    metrics = metric_table(database, experiment_id)
    if table_format == "csv":
        yield f"{folder}/runs.csv", files.table_lines(table)
        yield f"{folder}/metrics.csv", files.stream_lines(metrics)
    else:
        yield f"{folder}/runs.parquet", files.table_file(table)
        yield f"{folder}/metrics.parquet", files.stream_file(metrics)


class _Buffer(RawIOBase):
    """A write-only file that returns and forgets what was written."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._written.append(piece)
        return len(piece)

    def take(self) -> bytes:
        """Return the bytes written since the last call."""
        content = b"".join(self._written)
        self._written.clear()
        return content


def zip_stream(members: Iterable[ArchiveMember]) -> Iterator[bytes]:
    """Yield a ZIP file in pieces; each member is only produced after the previous one was sent."""
    buffer = _Buffer()
    with ZipFile(buffer, "w") as file:
        for name, pieces in members:
            info = ZipInfo(name, date_time=time.gmtime()[:6])
            info.compress_type = ZIP_STORED if name.endswith(ALREADY_COMPRESSED) else ZIP_DEFLATED
            with file.open(info, "w", force_zip64=True) as member:
                for piece in pieces:
                    member.write(piece)
                    yield buffer.take()
    yield buffer.take()
