"""Tags, notes, pin, archive, delete, restore and undo: of one run or experiment, or of many.

Runs and experiments have the same endpoints; `Kind` holds in what they differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel
from sqlalchemy.orm import Session

from backend.api.bodies import (
    ChangedExperiments,
    ChangedRuns,
    OrganisedExperiment,
    OrganisedRun,
    Outcome,
    SomeExperiments,
    SomeRuns,
    Wanted,
)
from backend.api.dependencies import DatabaseDep, NotifierDep, SettingsDep
from backend.live.notifications import Notifier
from backend.runs import curation
from backend.runs.curation import CurationResult
from backend.runs.schemas import experiment_items, run_items
from backend.store import Database, experiments, runs
from backend.store.curation import OwnerKind
from backend.store.tables import MAX_ID

router = APIRouter(prefix="/api", tags=["organising"])

Act = Callable[[Session, OwnerKind, Sequence[int]], CurationResult]


@dataclass(frozen=True)
class Kind:
    """Runs or experiments: the bodies that name some of them, and how one is told."""

    owner: OwnerKind
    article: str
    some: Callable[..., SomeRuns | SomeExperiments]
    changed: Callable[..., ChangedRuns | ChangedExperiments]
    item: type[BaseModel]
    read: Callable[[Session, int], BaseModel]

    def one(self, act: Act, id_: int, database: Database, notifier: Notifier) -> dict[str, Any]:
        """Do something to one and return it as it is then."""
        with database.write() as session:
            done = act(session, self.owner, [id_])
            session.expire_all()
            item = {**dict(self.read(session, id_)), "operation": done.operation}
        _tell(done, notifier)
        return item

    def many(
        self, act: Act, some: SomeRuns | SomeExperiments, database: Database, notifier: Notifier
    ) -> Outcome:
        """Do something to all of them or, when that cannot be, to none."""
        with database.write() as session:
            done = act(session, self.owner, some.ids(session))
        _tell(done, notifier)
        return Outcome.of(done)


def _tell(done: CurationResult, notifier: Notifier) -> None:
    for experiment_id in done.moved:
        notifier.notify(experiment_id)


def _add_one(kind: Kind) -> None:
    """Add the endpoints of one run or experiment."""
    place, a = f"/{kind.owner}s/{{{kind.owner}_id}}", f"{kind.article} {kind.owner}"
    about = Path(ge=1, le=MAX_ID, alias=f"{kind.owner}_id", description=f"Id of {a}.")
    Id = Annotated[int, about]  # noqa: N806 - a type

    @router.patch(place, summary=f"Tag, note, pin or archive {a}", response_model=kind.item)
    def change(id_: Id, wanted: Wanted, database: DatabaseDep, notifier: NotifierDep) -> Any:
        """Change what people say of it, nothing of what was measured. Runs go along."""
        act = partial(curation.change, wanted=wanted.change())
        return kind.one(act, id_, database, notifier)

    @router.delete(place, summary=f"Delete {a}", response_model=kind.item)
    def delete(id_: Id, database: DatabaseDep, notifier: NotifierDep) -> Any:
        """Hide it, to be restored until it is removed for good; what trains is cancelled."""
        return kind.one(curation.delete, id_, database, notifier)

    @router.post(f"{place}/restore", summary=f"Restore {a} deleted", response_model=kind.item)
    def restore(
        id_: Id, database: DatabaseDep, notifier: NotifierDep, settings: SettingsDep
    ) -> Any:
        """Bring it back; what was cancelled stays cancelled."""
        act = partial(curation.restore, deleted_days=settings.deleted_days)
        return kind.one(act, id_, database, notifier)


def _add_many(kind: Kind) -> None:
    """Add the endpoints of many runs or experiments."""
    place = f"/{kind.owner}s"
    Some = Annotated[SomeRuns | SomeExperiments, Depends(kind.some)]  # noqa: N806
    Changed = Annotated[ChangedRuns | ChangedExperiments, Depends(kind.changed)]  # noqa: N806

    @router.patch(place, summary=f"Tag, note, pin or archive many {kind.owner}s")
    def change(wanted: Changed, database: DatabaseDep, notifier: NotifierDep) -> Outcome:
        """Change all of them or, when one is not there, none."""
        act = partial(curation.change, wanted=wanted.change.change())
        return kind.many(act, wanted, database, notifier)

    @router.post(f"{place}/delete", summary=f"Delete many {kind.owner}s")
    def delete(some: Some, database: DatabaseDep, notifier: NotifierDep) -> Outcome:
        """Hide them, to be restored until they are removed for good; what trains is cancelled."""
        return kind.many(curation.delete, some, database, notifier)

    @router.post(f"{place}/restore", summary=f"Restore many deleted {kind.owner}s")
    def restore(
        some: Some, database: DatabaseDep, notifier: NotifierDep, settings: SettingsDep
    ) -> Outcome:
        """Bring them back; what was cancelled stays cancelled."""
        act = partial(curation.restore, deleted_days=settings.deleted_days)
        return kind.many(act, some, database, notifier)


@router.post("/operations/{operation_id}/undo", summary="Undo an operation")
def undo(
    operation_id: Annotated[int, Path(ge=1, le=MAX_ID, description="As the answers name it.")],
    database: DatabaseDep,
    notifier: NotifierDep,
    settings: SettingsDep,
) -> Outcome:
    """Put back what a change, deletion or restoration overwrote, where nobody changed it since."""
    with database.write() as session:
        done = curation.undo(session, operation_id, deleted_days=settings.deleted_days)
    _tell(done, notifier)
    return Outcome.of(done)


def _some_runs(some: SomeRuns) -> SomeRuns:
    return some


def _changed_runs(wanted: ChangedRuns) -> ChangedRuns:
    return wanted


def _run(session: Session, run_id: int) -> BaseModel:
    return run_items(session, [runs.get(session, run_id)])[0]


def _some_experiments(some: SomeExperiments) -> SomeExperiments:
    return some


def _changed_experiments(wanted: ChangedExperiments) -> ChangedExperiments:
    return wanted


def _experiment(session: Session, experiment_id: int) -> BaseModel:
    return experiment_items(session, [experiments.get(session, experiment_id)])[0]


for _kind in (
    Kind("run", "a", _some_runs, _changed_runs, OrganisedRun, _run),
    Kind("experiment", "an", _some_experiments, _changed_experiments, OrganisedExperiment,
         _experiment),
):  # fmt: skip
    _add_one(_kind)
    _add_many(_kind)
