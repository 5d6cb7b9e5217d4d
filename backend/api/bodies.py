"""Request and response bodies of curation: the selected runs or experiments, and the change."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session

from backend.errors import InvalidInput, TooLarge
from backend.runs.curation import MAX_TAGS, CurationResult
from backend.runs.listing import read_query
from backend.runs.schemas import ExperimentItem, RunItem
from backend.search.tokens import MAX_LENGTH
from backend.store import run_pages
from backend.store.curation import CuratedValue, CurationChange
from backend.store.experiments import Visibility
from backend.store.tables import MAX_ID

MAX_IDS = 10_000
MAX_MATCHES = 100_000
_PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"

TagKey = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_PRINTABLE)
]
TagValue = Annotated[str, StringConstraints(max_length=1000, pattern=_PRINTABLE)]
Note = Annotated[str, StringConstraints(max_length=20_000, pattern=_PRINTABLE)]
Ids = Annotated[list[Annotated[int, Field(ge=1, le=MAX_ID)]], Field(max_length=MAX_IDS)]


class Wanted(BaseModel):
    """The fields to change; all others stay unchanged. A tag that is null is removed."""

    model_config = ConfigDict(extra="forbid")

    tags: Annotated[dict[TagKey, TagValue | None], Field(max_length=MAX_TAGS)] | None = None
    note: Note | None = None
    pinned: bool | None = None
    archived: bool | None = None

    def change(self) -> CurationChange:
        """Return the change of the fields that are present."""
        columns: dict[str, CuratedValue] = {
            name: value
            for name, value in (("pinned", self.pinned), ("archived", self.archived))
            if value is not None
        }
        if "note" in self.model_fields_set:
            columns["note"] = (self.note or "").strip() or None
        return CurationChange(columns, self.tags or {})


class SomeRuns(BaseModel):
    """Runs by their ids, or all runs of a list that match a filter."""

    model_config = ConfigDict(extra="forbid")

    runs: Ids | None = None
    filter: Annotated[str, Field(max_length=MAX_LENGTH)] | None = None
    shown: Visibility = "active"

    def ids(self, session: Session) -> list[int]:
        """Return the ids. Raises InvalidInput, FilterError and TooLarge."""
        if (self.runs is None) == (self.filter is None):
            raise InvalidInput("runs is missing; accepted: runs or a filter, one of them.", "runs")
        if self.runs is not None:
            return sorted(set(self.runs))
        query = read_query(session, filter=self.filter or "", order_by="", shown=self.shown)
        ids = run_pages.matching_ids(
            session, query.condition, shown=self.shown, limit=MAX_MATCHES + 1
        )
        if len(ids) > MAX_MATCHES:
            raise TooLarge(f"More than {MAX_MATCHES:,} runs match; narrow the filter.", "filter")
        return ids


class ChangedRuns(SomeRuns):
    """Runs and the change to make to them."""

    change: Wanted


class SomeExperiments(BaseModel):
    """Experiments by their ids."""

    model_config = ConfigDict(extra="forbid")

    experiments: Ids

    def ids(self) -> list[int]:
        """Return the ids."""
        return sorted(set(self.experiments))


class ChangedExperiments(SomeExperiments):
    """Experiments and the change to make to them."""

    change: Wanted


class Outcome(BaseModel):
    """The runs or experiments that a request changed.

    POST /api/operations/{operation}/undo reverts it within a day; `operation` is null if nothing
    changed. `left` are not reverted, because they were changed since the operation.
    """

    ids: list[int]
    operation: int | None
    left: list[int] = []

    @classmethod
    def of(cls, result: CurationResult) -> "Outcome":
        """Return the response for a result."""
        return cls(ids=list(result.ids), operation=result.operation, left=list(result.left))


class OrganisedRun(RunItem):
    """A run and the operation that changed it; null if nothing changed."""

    operation: int | None


class OrganisedExperiment(ExperimentItem):
    """An experiment and the operation that changed it; null if nothing changed."""

    operation: int | None
