"""Tag, note, pin, archive, delete, restore and undo, for one run or experiment or for many."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints
from sqlalchemy.orm import Session

from backend.errors import InvalidInput, TooLarge
from backend.runs import curation
from backend.runs.curation import MAX_TAGS, CurationResult
from backend.runs.items import experiment_items, run_items
from backend.runs.listing import read_query
from backend.runs.schemas import ExperimentItem, RunItem
from backend.search.tokens import MAX_LENGTH
from backend.specification.experiment import MAX_NAME_CHARACTERS
from backend.store import experiments, run_pages, runs
from backend.store.curation import CuratedValue, CurationChange
from backend.store.experiments import Visibility
from backend.store.tables import MAX_ID
from backend.web.dependencies import DatabaseDep, ExperimentId, RunId, SettingsDep
from backend.web.json_bodies import JsonRoute

router = APIRouter(prefix="/api", tags=["organising"], route_class=JsonRoute)

MAX_IDS = 10_000
MAX_MATCHES = 100_000
# Without control characters and the marks that reorder text, as in `is_one_line`.
_REORDERING = r"\u202a-\u202e\u2066-\u2069"
_PRINTABLE = rf"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f{_REORDERING}]*$"
_LINE = rf"^[^\x00-\x1f\x7f-\x9f\u2028\u2029{_REORDERING}]*$"

TagKey = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_LINE)
]
TagValue = Annotated[str, StringConstraints(max_length=1000, pattern=_LINE)]
Note = Annotated[str, StringConstraints(max_length=20_000, pattern=_PRINTABLE)]
Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=MAX_NAME_CHARACTERS, pattern=_LINE
    ),
]
Ids = Annotated[list[Annotated[int, Field(ge=1, le=MAX_ID)]], Field(max_length=MAX_IDS)]


class Wanted(BaseModel):
    """The fields to change; all others stay unchanged. A tag that is null is removed."""

    model_config = ConfigDict(extra="forbid")

    tags: Annotated[dict[TagKey, TagValue | None], Field(max_length=MAX_TAGS)] | None = None
    note: Note | None = None
    pinned: StrictBool | None = None
    archived: StrictBool | None = None

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


class WantedOfExperiment(Wanted):
    """The fields of one experiment to change; all others stay unchanged."""

    name: Name | None = None

    def change(self) -> CurationChange:
        """Return the change of the fields that are present."""
        change = super().change()
        name = {} if self.name is None else {"name": self.name}
        return CurationChange({**change.columns, **name}, change.tags)


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


@router.patch("/runs/{run_id}", summary="Tag, note, pin or archive a run")
def change_run(run_id: RunId, wanted: Wanted, database: DatabaseDep) -> OrganisedRun:
    """Change what people added to the run. Its measurements do not change."""
    with database.write() as session:
        result = curation.change(session, "run", [run_id], wanted.change())
        return _run(session, run_id, result)


@router.delete("/runs/{run_id}", summary="Delete a run")
def delete_run(run_id: RunId, database: DatabaseDep) -> OrganisedRun:
    """Hide the run; it can be restored until it is removed for good. Cancels it if it trains."""
    with database.write() as session:
        result = curation.delete(session, "run", [run_id])
        return _run(session, run_id, result)


@router.post("/runs/{run_id}/restore", summary="Restore a deleted run")
def restore_run(run_id: RunId, database: DatabaseDep, settings: SettingsDep) -> OrganisedRun:
    """Show the run again. A cancelled run stays cancelled."""
    with database.write() as session:
        days = settings.deleted_days
        result = curation.restore(session, "run", [run_id], deleted_days=days)
        return _run(session, run_id, result)


@router.patch("/runs", summary="Tag, note, pin or archive many runs")
def change_runs(wanted: ChangedRuns, database: DatabaseDep) -> Outcome:
    """Change the runs. If one of them does not exist, none is changed."""
    with database.write() as session:
        ids = wanted.ids(session)
        return Outcome.of(curation.change(session, "run", ids, wanted.change.change()))


@router.post("/runs/delete", summary="Delete many runs")
def delete_runs(some: SomeRuns, database: DatabaseDep) -> Outcome:
    """Hide the runs; they can be restored until they are removed for good. Cancels training."""
    with database.write() as session:
        return Outcome.of(curation.delete(session, "run", some.ids(session)))


@router.post("/runs/restore", summary="Restore many deleted runs")
def restore_runs(some: SomeRuns, database: DatabaseDep, settings: SettingsDep) -> Outcome:
    """Show the runs again. Cancelled runs stay cancelled."""
    with database.write() as session:
        days, ids = settings.deleted_days, some.ids(session)
        return Outcome.of(curation.restore(session, "run", ids, deleted_days=days))


@router.patch(
    "/experiments/{experiment_id}", summary="Rename, tag, note, pin or archive an experiment"
)
def change_experiment(
    experiment_id: ExperimentId, wanted: WantedOfExperiment, database: DatabaseDep
) -> OrganisedExperiment:
    """Change the name or what people added to the experiment. Its runs are archived with it."""
    with database.write() as session:
        result = curation.change(session, "experiment", [experiment_id], wanted.change())
        return _experiment(session, experiment_id, result)


@router.delete("/experiments/{experiment_id}", summary="Delete an experiment")
def delete_experiment(experiment_id: ExperimentId, database: DatabaseDep) -> OrganisedExperiment:
    """Hide the experiment with its runs; it can be restored until it is removed for good.

    Cancels the runs that train.
    """
    with database.write() as session:
        result = curation.delete(session, "experiment", [experiment_id])
        return _experiment(session, experiment_id, result)


@router.post("/experiments/{experiment_id}/restore", summary="Restore a deleted experiment")
def restore_experiment(
    experiment_id: ExperimentId, database: DatabaseDep, settings: SettingsDep
) -> OrganisedExperiment:
    """Show the experiment again. Cancelled runs stay cancelled."""
    with database.write() as session:
        days = settings.deleted_days
        result = curation.restore(session, "experiment", [experiment_id], deleted_days=days)
        return _experiment(session, experiment_id, result)


@router.patch("/experiments", summary="Tag, note, pin or archive many experiments")
def change_experiments(wanted: ChangedExperiments, database: DatabaseDep) -> Outcome:
    """Change the experiments. If one of them does not exist, none is changed."""
    with database.write() as session:
        ids = wanted.ids()
        return Outcome.of(curation.change(session, "experiment", ids, wanted.change.change()))


@router.post("/experiments/delete", summary="Delete many experiments")
def delete_experiments(some: SomeExperiments, database: DatabaseDep) -> Outcome:
    """Hide the experiments; they can be restored until removed for good. Cancels training."""
    with database.write() as session:
        return Outcome.of(curation.delete(session, "experiment", some.ids()))


@router.post("/experiments/restore", summary="Restore many deleted experiments")
def restore_experiments(
    some: SomeExperiments, database: DatabaseDep, settings: SettingsDep
) -> Outcome:
    """Show the experiments again. Cancelled runs stay cancelled."""
    with database.write() as session:
        days = settings.deleted_days
        return Outcome.of(curation.restore(session, "experiment", some.ids(), deleted_days=days))


@router.post("/operations/{operation_id}/undo", summary="Undo an operation")
def undo(
    operation_id: Annotated[
        int, Path(ge=1, le=MAX_ID, description="The `operation` of an earlier response.")
    ],
    database: DatabaseDep,
    settings: SettingsDep,
) -> Outcome:
    """Write back the values that an operation replaced, except where they have changed since."""
    with database.write() as session:
        return Outcome.of(curation.undo(session, operation_id, deleted_days=settings.deleted_days))


def _run(session: Session, run_id: int, result: CurationResult) -> OrganisedRun:
    [item] = run_items(session, [runs.get(session, run_id)])
    return OrganisedRun(**dict(item), operation=result.operation)


def _experiment(
    session: Session, experiment_id: int, result: CurationResult
) -> OrganisedExperiment:
    [item] = experiment_items(session, [experiments.get(session, experiment_id)])
    return OrganisedExperiment(**dict(item), operation=result.operation)
