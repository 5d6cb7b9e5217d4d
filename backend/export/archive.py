"""An experiment as a folder of files."""

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
from backend.runs.schemas import experiment_items
from backend.store import Database, experiments

TableFormat = Literal["csv", "parquet"]
ArchiveMember = tuple[str, Iterable[bytes]]
"""A file of an archive: its name, and its bytes in pieces."""


def archive_members(
    database: Database, experiment_id: int, kind: TableFormat
) -> Iterator[ArchiveMember]:
    """Return the files: the specification, what it is of, the runs, every metric of every epoch.

    Raises NotFound at the first.
    """
    with database.read() as session:
        [item] = experiment_items(session, [experiments.get(session, experiment_id)])
        table = run_table(session, experiment_id)
    about = item.model_dump(exclude={"spec"}) | {"versions": versions()}
    folder = f"experiment-{experiment_id}"
    yield f"{folder}/spec.yaml", [to_yaml(item.spec).encode()]
    yield f"{folder}/experiment.json", [json.dumps(about, indent=2).encode()]
    metrics = metric_table(database, experiment_id)
    if kind == "csv":
        yield f"{folder}/runs.csv", csv_files.table_lines(table)
        yield f"{folder}/metrics.csv", csv_files.stream_lines(metrics)
    else:
        yield f"{folder}/runs.parquet", parquet_files.table_file(table)
        yield f"{folder}/metrics.parquet", parquet_files.stream_file(metrics)


ALREADY_COMPRESSED = (".parquet",)  # compressed inside


class _Outbox(RawIOBase):
    """A file that can only be written, and hands over what was."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._written.append(piece)
        return len(piece)

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        found = b"".join(self._written)
        self._written.clear()
        return found


def zip_stream(members: Iterable[ArchiveMember]) -> Iterator[bytes]:
    """Return a ZIP file in pieces: each member is asked for when the one before it is sent."""
    outbox = _Outbox()
    with ZipFile(outbox, "w") as file:
        for name, pieces in members:
            info = ZipInfo(name, date_time=time.gmtime()[:6])
            info.compress_type = ZIP_STORED if name.endswith(ALREADY_COMPRESSED) else ZIP_DEFLATED
            with file.open(info, "w", force_zip64=True) as member:
                for piece in pieces:
                    member.write(piece)
                    yield outbox.taken()
    yield outbox.taken()
