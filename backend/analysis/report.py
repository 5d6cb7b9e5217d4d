"""The whole analysis of an experiment's grid, section by section."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.analysis.capacity_curves import (
    CapacityCurve,
    OptimumCurve,
    capacity_curves,
    optimum_curves,
)
from backend.analysis.cause import Cause, cause
from backend.analysis.intervals import Interval
from backend.analysis.learning_curves import LearningCurve, learning_curves
from backend.analysis.measured_cells import (
    Cell,
    RunResult,
    best_validation,
    cells,
    test_at_best,
    train_at_best,
)
from backend.analysis.surface import SettingSurface, surfaces
from backend.specification.params import ParamValue


@dataclass(frozen=True)
class CellMeasurements:
    """Measurements of the runs of a cell, as mean and 95 % interval over their seeds.

    Train, validation and test loss are taken at the epoch of the lowest validation loss.
    """

    params: dict[str, ParamValue]
    parameters: int
    seeds: int
    train: Interval | None
    validation: Interval | None
    test: Interval | None
    final_train: Interval | None
    final_validation: Interval | None
    final_test: Interval | None
    gap: Interval | None
    cost_of_not_stopping: Interval | None


@dataclass(frozen=True)
class GridReport:
    """The analysis of the runs of an experiment that have finished."""

    runs: int
    cells: Sequence[CellMeasurements]
    learning_curves: Sequence[LearningCurve]
    capacity_curves: Sequence[CapacityCurve]
    optimum_capacity: Sequence[OptimumCurve]
    surfaces: Sequence[SettingSurface]
    cause: Cause | None


def analyse(runs: Sequence[RunResult], *, target: float | None = None) -> GridReport:
    """Analyse runs; the learning curves estimate how many samples reach the loss `target`."""
    grid = cells(runs)
    curves = capacity_curves(grid)
    learning = learning_curves(grid, target=target)
    return GridReport(
        runs=len(runs),
        cells=[_measurements(cell) for cell in grid],
        learning_curves=learning,
        capacity_curves=curves,
        optimum_capacity=optimum_curves(curves),
        surfaces=surfaces(grid),
        cause=cause(grid, learning),
    )


def _measurements(cell: Cell) -> CellMeasurements:
    return CellMeasurements(
        dict(cell.params),
        cell.parameters,
        len(cell.runs),
        cell.over_seeds(train_at_best),
        cell.over_seeds(best_validation),
        cell.over_seeds(test_at_best),
        cell.over_seeds(lambda run: run.final.train),
        cell.over_seeds(lambda run: run.final.validation),
        cell.over_seeds(lambda run: run.final.test),
        cell.over_seeds(lambda run: run.gap),
        cell.over_seeds(lambda run: run.cost_of_not_stopping),
    )
