"""Bodies that name runs or experiments and say what is to change about them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session

from backend.errors import InvalidInput, TooLarge
from backend.runs.curation import MAX_TAGS, CurationResult
from backend.runs.listing import read_query
from backend.runs.schemas import ExperimentItem, RunItem
from backend.search.tokens import MAX_LENGTH
from backend.store import run_pages
from backend.store.curation import CurationChange
from backend.store.experiments import Visibility
from backend.store.tables import MAX_ID

MOST_IDS = 10_000
MOST_MATCHES = 100_000
_PRINTED = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"

TagKey = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_PRINTED)
]
TagValue = Annotated[str, StringConstraints(max_length=1000, pattern=_PRINTED)]
Note = Annotated[str, StringConstraints(max_length=20_000, pattern=_PRINTED)]
Ids = Annotated[list[Annotated[int, Field(ge=1, le=MAX_ID)]], Field(max_length=MOST_IDS)]


class Wanted(BaseModel):
    """What is to change; what is left out stays. A tag that is null is taken away."""

    model_config = ConfigDict(extra="forbid")

    tags: Annotated[dict[TagKey, TagValue | None], Field(max_length=MAX_TAGS)] | None = None
    note: Note | None = None
    pinned: bool | None = None
    archived: bool | None = None

    def change(self) -> CurationChange:
        """Return the change, without what was left out."""
        given = self.model_dump(exclude_unset=True)
        tags = given.pop("tags", None) or {}
        columns = {
            name: value for name, value in given.items() if name == "note" or value is not None
        }
        if "note" in columns:
            columns["note"] = (columns["note"] or "").strip() or None
        return CurationChange(columns, tags)


class SomeRuns(BaseModel):
    """Runs by their ids, or all that a filter finds in a list."""

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
        asked = read_query(session, filter=self.filter or "", order_by="", shown=self.shown)
        found = run_pages.matching_ids(
            session, asked.condition, shown=self.shown, limit=MOST_MATCHES + 1
        )
        if len(found) > MOST_MATCHES:
            raise TooLarge(f"More than {MOST_MATCHES:,} runs match; narrow the filter.", "filter")
        return found


class ChangedRuns(SomeRuns):
    """Runs and what is to change about them."""

    change: Wanted


class SomeExperiments(BaseModel):
    """Experiments by their ids."""

    model_config = ConfigDict(extra="forbid")

    experiments: Ids

    def ids(self, _session: Session) -> list[int]:
        """Return the ids."""
        return sorted(set(self.experiments))


class ChangedExperiments(SomeExperiments):
    """Experiments and what is to change about them."""

    change: Wanted


class Outcome(BaseModel):
    """What a request did: to these, undone by POST /api/operations/{operation}/undo for a day.

    `operation` is null where nothing became different. `left` were changed since what is undone,
    and stay as they are.
    """

    ids: list[int]
    operation: int | None
    left: list[int] = []

    @classmethod
    def of(cls, done: CurationResult) -> "Outcome":
        """Return what was done as the outside sees it."""
        return cls(ids=list(done.ids), operation=done.operation, left=list(done.left))


class OrganisedRun(RunItem):
    """A run and the operation that changed it; null where nothing became different."""

    operation: int | None


class OrganisedExperiment(ExperimentItem):
    """An experiment and the operation that changed it; null where nothing became different."""

    operation: int | None
