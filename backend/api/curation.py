"""Tag, note, pin, archive, delete, restore and undo, for one run or experiment or for many."""

from typing import Annotated

from fastapi import APIRouter, Path
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
from backend.runs import curation
from backend.runs.curation import CurationResult
from backend.runs.items import experiment_items, run_items
from backend.store import experiments, runs
from backend.store.tables import MAX_ID
from backend.web.dependencies import DatabaseDep, ExperimentId, RunId, SettingsDep

router = APIRouter(prefix="/api", tags=["organising"])


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


@router.patch("/experiments/{experiment_id}", summary="Tag, note, pin or archive an experiment")
def change_experiment(
    experiment_id: ExperimentId, wanted: Wanted, database: DatabaseDep
) -> OrganisedExperiment:
    """Change what people added to the experiment. Its runs are archived with it."""
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
