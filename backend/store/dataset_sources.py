"""Data sets that people have added, as sources of specifications."""

import re
from hashlib import sha256

from sqlalchemy.orm import Session

from backend.datasets.table_facts import ColumnFacts, TableFacts
from backend.specification.data_sources import Source, source_of_table
from backend.specification.params import JsonObject
from backend.store import datasets
from backend.store.tables import Dataset

VERSION_CHARACTERS = 12
FORMAT = 1  # of the facts and the preparation: a change makes other versions
_ID = re.compile(r"[1-9][0-9]{0,8}")


def find_source(session: Session, name: str) -> Source | None:
    """Return the source of a data set, given its version, its name or its id."""
    if "@" in name:
        dataset = datasets.of_source(session, name)
    else:
        dataset = datasets.named(session, name)
        if dataset is None and _ID.fullmatch(name):
            dataset = session.get(Dataset, int(name))
            dataset = None if dataset is None or dataset.deleted_at is not None else dataset
    return None if dataset is None or dataset.choice is None else source_of_table(facts_of(dataset))


def facts_of(dataset: Dataset) -> TableFacts:
    """Return the facts of a data set with a target."""
    choice: JsonObject = dataset.choice or {}
    version = (dataset.source or "").rpartition("@")[2]
    return TableFacts(
        name=dataset.name,
        version=version,
        sha256=dataset.columns_sha256,
        rows=dataset.row_count,
        columns=tuple(columns_of(dataset)),
        target=dataset.target or "",
        problem=choice["problem"],
        classes=tuple(choice["classes"]),
        center=choice["center"],
        unit=choice["unit"],
    )


def columns_of(dataset: Dataset) -> list[ColumnFacts]:
    """Return the facts of the columns of a data set."""
    return [ColumnFacts(**column) for column in dataset.description["columns"]]


def version_of(dataset: Dataset) -> str:
    """Return the name under which runs refer to a data set: its name and a hash of all facts."""
    unused = [column.name for column in columns_of(dataset) if not column.used]
    facts = [FORMAT, dataset.file_sha256, dataset.target, dataset.task, unused]
    digest = sha256(repr(facts).encode()).hexdigest()
    return f"{dataset.name}@{digest[:VERSION_CHARACTERS]}"
