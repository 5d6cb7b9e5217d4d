"""Tables of people for tests: files in each format, and data sets added to a database."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from backend.datasets.column_files import COLUMN_FOLDER
from backend.datasets.table_facts import ColumnFacts, TableFacts
from backend.own_data import service
from backend.own_data.describe import describe_file
from backend.own_data.sources import install
from backend.settings import Settings
from backend.specification.data_sources import SOURCES, source_of_table
from backend.store import Database

Columns = Mapping[str, Sequence[Any]]


def write_table(folder: Path, columns: Columns, ending: str = "csv") -> Path:
    """Write a table in the format of a file ending; return its path."""
    path, frame = folder / f"table.{ending}", pl.DataFrame(columns)
    if ending in ("csv", "tsv"):
        frame.write_csv(path, separator="\t" if ending == "tsv" else ",")
    elif ending == "parquet":
        frame.write_parquet(path)
    elif ending == "arrow":
        frame.write_ipc(path)
    else:
        arrays: dict[str, Any] = {name: np.array(frame[name]) for name in frame.columns}
        np.savez_compressed(path, **{k: _plain(v) for k, v in arrays.items()})
    return path


def _plain(array: Any) -> Any:
    """Return texts in an array of fixed width, as NumPy saves it."""
    return array.astype(str) if array.dtype == object else array


def add_table(
    database: Database,
    settings: Settings,
    columns: Columns,
    *,
    name: str = "own",
    target: str = "y",
    task: str | None = None,
) -> int:
    """Add a table to a database, so that specifications find it; return its id."""
    install(settings, database)
    folder = settings.data_dir / "uploads" / "files"
    folder.mkdir(exist_ok=True, parents=True)
    path = write_table(folder, columns)
    return service.add_file(database, path, path.name, name, target, task)


def use_table(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    columns: Columns,
    *,
    target: str = "y",
    task: str | None = None,
) -> TableFacts:
    """Let specifications of this test refer to a table as "own", without a database."""
    file = folder / f"{hash(str(columns)) % 10**9}"
    path = write_table(folder, columns)
    described = describe_file(str(path), path.name, str(file), target, task)
    choice, description = described["choice"], described["description"]
    facts = TableFacts(
        name="own",
        version=file.name,
        sha256=file.name,
        rows=described["rows"],
        columns=tuple(ColumnFacts(**column) for column in description["columns"]),
        target=target,
        problem=choice["problem"],
        classes=tuple(choice["classes"]),
        center=choice["center"],
        unit=choice["unit"],
    )
    source = source_of_table(facts)
    names = ("own", source.name)
    monkeypatch.setattr(COLUMN_FOLDER, "file", lambda sha256: folder / sha256)
    monkeypatch.setattr(SOURCES, "find_table", lambda name: source if name in names else None)
    return facts


def line(rows: int = 120, noise: float = 0.1) -> dict[str, list[Any]]:
    """Return a table with y = 2 x + noise, an input of categories and one with empty cells."""
    generator = np.random.default_rng(1)
    x, group = generator.normal(size=rows), np.arange(rows) % 4
    y = 2 * x + noise * generator.normal(size=rows)
    kinds = ["red", "green", "blue"]
    return {
        "x": x.tolist(),
        "colour": [kinds[index % 3] for index in range(rows)],
        "size": [None if index % 10 == 0 else float(index % 7) for index in range(rows)],
        "group": [f"g{index}" for index in group],
        "y": y.tolist(),
    }
