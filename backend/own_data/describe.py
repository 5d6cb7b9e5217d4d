"""Turn an uploaded file into a column file and a description, in a process of its own.

Reads one JSON object from the standard input and writes one to the standard output: the result, or
`{"refused": sentence}`. `own_data.sandbox` starts it with limits on memory and time.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from backend.datasets.column_files import LABELS, ROW_HASHES, ColumnReader, ColumnWriter
from backend.datasets.row_hashes import column_hashes
from backend.datasets.table_facts import ColumnFacts
from backend.errors import LabError
from backend.own_data.columns import read_column
from backend.own_data.readers import open_table
from backend.own_data.sandbox import limit_this_process
from backend.own_data.targets import describe_target


def describe_file(
    path: str, file_name: str, columns: str, target: str | None, task: str | None
) -> dict[str, Any]:
    """Write the columns of a file to the path `columns`; return their facts and previews.

    With a target, also what it means for the table (`choice`).
    """
    facts: list[dict[str, Any]] = []
    previews: list[dict[str, Any]] = []
    folder = Path(columns).parent
    with TemporaryDirectory(dir=folder, prefix="reading-") as name:
        table = open_table(Path(path), file_name, Path(name))
        hashes = np.zeros(table.rows, dtype=np.uint64)
        with ColumnWriter(Path(columns)) as writer:
            for position, series in enumerate(table.columns()):
                column = read_column(series, comma=table.comma)
                del series
                writer.add(f"{position}", column.values)
                if column.labels is not None:
                    writer.add(f"{position}.{LABELS}", column.labels)
                hashes += column_hashes(column.values, position)
                facts.append(asdict(column.facts))
                previews.append(column.preview())
            writer.add(ROW_HASHES, hashes)
    duplicates = table.rows - pl.Series(hashes).n_unique()
    choice = None if target is None else describe_choice(columns, facts, target, task)
    description = {"columns": facts, "previews": previews, "duplicates": duplicates}
    return {"rows": table.rows, "description": description, "choice": choice}


def describe_choice(
    columns: str, facts: list[dict[str, Any]], target: str, task: str | None
) -> dict[str, Any]:
    """Check a target and return what it means for the table: see `describe_target`."""
    described = [ColumnFacts(**column) for column in facts]
    with ColumnReader(Path(columns)) as reader:
        return describe_target(reader, described, target, task)


WORK: Mapping[str, Callable[..., dict[str, Any]]] = {
    "file": describe_file,
    "target": describe_choice,
}


def main() -> None:
    """Do one piece of work."""
    limit_this_process()
    request = json.load(sys.stdin)
    try:
        result = WORK[request.pop("work")](**request)
    except MemoryError:
        raise SystemExit(137) from None
    except LabError as error:
        result = {"refused": error.detail}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
