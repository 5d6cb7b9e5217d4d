"""A ZIP file of an experiment, built while it is sent, so that it is never stored as a whole."""

import json
import time
from collections.abc import Iterable, Iterator
from io import RawIOBase
from typing import Literal
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from backend.export import csv_files, parquet_files
from backend.export.metric_table import metric_table
from backend.export.provenance import to_yaml, versions
from backend.export.run_table import run_table
from backend.runs.items import experiment_items
from backend.store import Database, experiments

TableFormat = Literal["csv", "parquet"]
ArchiveMember = tuple[str, Iterable[bytes]]
"""A file of an archive: its name, and its content in pieces."""

ALREADY_COMPRESSED = (".parquet",)  # Parquet files compress their columns themselves


def archive_members(
    database: Database, experiment_id: int, table_format: TableFormat
) -> Iterator[ArchiveMember]:
    """Yield the files: specification, description, runs, and every metric of every epoch.

    Raises NotFound before the first file.
    """
    with database.read() as session:
        [item] = experiment_items(session, [experiments.get(session, experiment_id)])
        table = run_table(session, experiment_id)
    description = item.model_dump(exclude={"spec"}) | {"versions": versions()}
    folder = f"experiment-{experiment_id}"
    yield f"{folder}/spec.yaml", [to_yaml(item.spec).encode()]
    yield f"{folder}/experiment.json", [json.dumps(description, indent=2).encode()]
    metrics = metric_table(database, experiment_id)
    if table_format == "csv":
        yield f"{folder}/runs.csv", csv_files.table_lines(table)
        yield f"{folder}/metrics.csv", csv_files.stream_lines(metrics)
    else:
        yield f"{folder}/runs.parquet", parquet_files.table_file(table)
        yield f"{folder}/metrics.parquet", parquet_files.stream_file(metrics)


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
    """Yield a ZIP file in pieces; each member is only produced when the one before it is sent."""
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
