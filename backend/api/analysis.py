"""Analysis of an experiment: its grid, bias and variance, and the comparison of variants."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.analysis.report import GridReport
from backend.runs.grid_analysis import CellSplit, bias_variance, grid_report
from backend.web.dependencies import DatabaseDep, ExperimentId

router = APIRouter(prefix="/api/experiments/{experiment_id}", tags=["experiments"])


@router.get("/analysis", summary="Analyse an experiment's grid")
def read_analysis(
    experiment_id: ExperimentId,
    database: DatabaseDep,
    target: Annotated[
        float | None,
        Query(
            gt=0,
            allow_inf_nan=False,
            description="Loss for which to estimate the training samples needed. Default: 10 % "
            "below the lowest measured loss.",
        ),
    ] = None,
) -> GridReport:
    """Return the analysis of the finished runs.

    It contains cells with intervals over seeds, learning and capacity curves, the optimum capacity
    for each training-set size, the loss surface over capacity, data and training time, and the
    factor that limits the best model.
    """
    with database.read() as session:
        return grid_report(session, experiment_id, target=target)


@router.get("/bias-variance", summary="Split the error of an experiment's models")
def read_bias_variance(experiment_id: ExperimentId, database: DatabaseDep) -> list[CellSplit]:
    """Return bias and variance over the seeds of each cell, at the best, last and other epochs."""
    with database.read() as session:
        return bias_variance(session, experiment_id)
