"""Data sets as the REST interface and the pages show them."""

from pydantic import BaseModel

from backend.specification.data_sources import source_of_table
from backend.store.dataset_sources import columns_of, facts_of
from backend.store.tables import Dataset


class DatasetItem(BaseModel):
    """A data set. `source` is the name that the specifications of its runs hold."""

    id: int
    name: str
    source: str | None
    file_name: str
    sha256: str
    bytes: int
    rows: int
    columns: int
    target: str | None
    task: str | None
    classes: list[str]
    created_at: int


class ColumnItem(BaseModel):
    """A column of a data set, and what its preview shows."""

    name: str
    kind: str
    used: bool
    distinct: int
    missing: int
    low: float | None
    high: float | None
    mean: float | None
    top: list[tuple[str, int]]
    histogram: list[int]
    note: str | None


class Leak(BaseModel):
    """A column that alone explains this part of the target."""

    column: str
    explained: float


class Preview(BaseModel):
    """The columns of a data set and, once its target is chosen, its classes and leaks.

    `duplicates` are rows that repeat another one, `repeated` those that repeat its inputs,
    `contradicting` those among them with another target. `balance` counts the rows of each class.
    """

    dataset: DatasetItem
    columns: list[ColumnItem]
    duplicates: int
    repeated: int | None
    contradicting: int | None
    balance: dict[str, int]
    leaks: list[Leak]
    inputs: int | None
    sizes: dict[str, int]


class DatasetList(BaseModel):
    """All data sets, the newest first."""

    items: list[DatasetItem]


def dataset_item(dataset: Dataset) -> DatasetItem:
    """Return a data set."""
    return DatasetItem(
        id=dataset.id,
        name=dataset.name,
        source=dataset.source,
        file_name=dataset.file_name,
        sha256=dataset.file_sha256,
        bytes=dataset.file_bytes,
        rows=dataset.row_count,
        columns=len(dataset.description["columns"]),
        target=dataset.target,
        task=dataset.task,
        classes=(dataset.choice or {}).get("classes", []),
        created_at=dataset.created_at,
    )


def preview_of(dataset: Dataset) -> Preview:
    """Return the preview of a data set."""
    description, choice = dataset.description, dataset.choice or {}
    columns = [
        ColumnItem(
            name=column.name, kind=column.kind, used=column.used,
            distinct=column.distinct, missing=column.missing, **preview,
        )
        for column, preview in zip(columns_of(dataset), description["previews"], strict=True)
    ]  # fmt: skip
    facts = facts_of(dataset) if dataset.choice else None
    return Preview(
        dataset=dataset_item(dataset),
        columns=columns,
        duplicates=description["duplicates"],
        repeated=choice.get("repeated"),
        contradicting=choice.get("contradicting"),
        balance=dict(zip(choice.get("classes", []), choice.get("balance", []), strict=True)),
        leaks=[Leak(**leak) for leak in choice.get("leaks", [])],
        inputs=source_of_table(facts).features if facts else None,
        sizes=facts.default_sizes() if facts else {},
    )
