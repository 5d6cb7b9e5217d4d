"""Tags, notes, pin, archive, delete and restore: of one run or experiment, or of many at once."""

from collections.abc import Callable, Sequence

from fastapi import APIRouter
from sqlalchemy.orm import Session

from backend import organising
from backend.api.bodies import (
    ChangedExperiments,
    ChangedRuns,
    Done,
    SomeExperiments,
    SomeRuns,
    Wanted,
)
from backend.api.dependencies import DatabaseDep, ExperimentId, HintsDep, RunId
from backend.hints import Hints
from backend.store import Database, experiments, runs
from backend.store.organising import Owner
from backend.views import ExperimentItem, RunItem, experiment_items, run_items

router = APIRouter(prefix="/api", tags=["organising"])

Act = Callable[[Session, Owner, Sequence[int]], set[int]]


@router.patch("/runs/{run_id}", summary="Tag, note, pin or archive a run")
def change_run(run_id: RunId, wanted: Wanted, database: DatabaseDep) -> RunItem:
    """Change what people say of a run; nothing of what it measured."""
    with database.write() as session:
        organising.change(session, "run", [run_id], wanted.change())
        return _run(session, run_id)


@router.delete("/runs/{run_id}", summary="Delete a run")
def delete_run(run_id: RunId, database: DatabaseDep, hints: HintsDep) -> RunItem:
    """Hide a run, to be restored until it is removed for good; one that trains is cancelled."""
    _act(organising.delete, "run", SomeRuns(runs=[run_id]), database, hints)
    with database.read() as session:
        return _run(session, run_id)


@router.post("/runs/{run_id}/restore", summary="Restore a deleted run")
def restore_run(run_id: RunId, database: DatabaseDep, hints: HintsDep) -> RunItem:
    """Bring a deleted run back."""
    _act(organising.restore, "run", SomeRuns(runs=[run_id]), database, hints)
    with database.read() as session:
        return _run(session, run_id)


@router.patch("/runs", summary="Tag, note, pin or archive many runs")
def change_runs(wanted: ChangedRuns, database: DatabaseDep) -> Done:
    """Change all of them or, when one is not there, none."""
    return _change("run", wanted, database)


@router.post("/runs/delete", summary="Delete many runs")
def delete_runs(some: SomeRuns, database: DatabaseDep, hints: HintsDep) -> Done:
    """Hide runs, to be restored until they are removed for good; those that train are cancelled."""
    return _act(organising.delete, "run", some, database, hints)


@router.post("/runs/restore", summary="Restore many deleted runs")
def restore_runs(some: SomeRuns, database: DatabaseDep, hints: HintsDep) -> Done:
    """Bring deleted runs back."""
    return _act(organising.restore, "run", some, database, hints)


@router.patch("/experiments/{experiment_id}", summary="Tag, note, pin or archive an experiment")
def change_experiment(
    experiment_id: ExperimentId, wanted: Wanted, database: DatabaseDep
) -> ExperimentItem:
    """Change what people say of an experiment; its runs go into the archive with it."""
    with database.write() as session:
        organising.change(session, "experiment", [experiment_id], wanted.change())
        return _experiment(session, experiment_id)


@router.delete("/experiments/{experiment_id}", summary="Delete an experiment")
def delete_experiment(
    experiment_id: ExperimentId, database: DatabaseDep, hints: HintsDep
) -> ExperimentItem:
    """Hide an experiment with its runs, to be restored until removed; what trains is cancelled."""
    some = SomeExperiments(experiments=[experiment_id])
    _act(organising.delete, "experiment", some, database, hints)
    with database.read() as session:
        return _experiment(session, experiment_id)


@router.post("/experiments/{experiment_id}/restore", summary="Restore a deleted experiment")
def restore_experiment(
    experiment_id: ExperimentId, database: DatabaseDep, hints: HintsDep
) -> ExperimentItem:
    """Bring a deleted experiment back with its runs."""
    some = SomeExperiments(experiments=[experiment_id])
    _act(organising.restore, "experiment", some, database, hints)
    with database.read() as session:
        return _experiment(session, experiment_id)


@router.patch("/experiments", summary="Tag, note, pin or archive many experiments")
def change_experiments(wanted: ChangedExperiments, database: DatabaseDep) -> Done:
    """Change all of them or, when one is not there, none."""
    return _change("experiment", wanted, database)


@router.post("/experiments/delete", summary="Delete many experiments")
def delete_experiments(some: SomeExperiments, database: DatabaseDep, hints: HintsDep) -> Done:
    """Hide experiments with their runs; what trains is cancelled."""
    return _act(organising.delete, "experiment", some, database, hints)


@router.post("/experiments/restore", summary="Restore many deleted experiments")
def restore_experiments(some: SomeExperiments, database: DatabaseDep, hints: HintsDep) -> Done:
    """Bring deleted experiments back with their runs."""
    return _act(organising.restore, "experiment", some, database, hints)


def _change(owner: Owner, wanted: ChangedRuns | ChangedExperiments, database: Database) -> Done:
    with database.write() as session:
        ids = wanted.ids(session)
        organising.change(session, owner, ids, wanted.change.change())
    return Done(ids=ids)


def _act(
    act: Act, owner: Owner, some: SomeRuns | SomeExperiments, database: Database, hints: Hints
) -> Done:
    """Delete or restore in one transaction, then tell those who follow."""
    with database.write() as session:
        ids = some.ids(session)
        moved = act(session, owner, ids)
    for experiment_id in moved:
        hints.moved(experiment_id)
    return Done(ids=ids)


def _run(session: Session, run_id: int) -> RunItem:
    session.expire_all()
    return run_items(session, [runs.get(session, run_id)])[0]


def _experiment(session: Session, experiment_id: int) -> ExperimentItem:
    session.expire_all()
    return experiment_items(session, [experiments.get(session, experiment_id)])[0]
