"""Cause: what limits the best model of a grid, told from what its neighbours measured.

From the cell of the lowest validation loss one step is taken along each axis and the same seeds are
compared: one step of data, capacity, regularisation or noise, and the second half of training. What
no step was measured for is not assessable; what the seeds cannot tell from 0 is not resolved.
Validation decides; the test loss stands beside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.analysis.cells import Cell, best_validation, test_at_best
from backend.analysis.effects import Effect, Factor, noise_step, step, training
from backend.analysis.floor import floor
from backend.analysis.intervals import Interval
from backend.analysis.learning_curves import LearningCurve
from backend.diagnosis.number import number


@dataclass(frozen=True)
class Cause:
    """The effects of all factors on the best cell, and the sentence that sums them up."""

    params: dict[str, Any]
    parameters: int
    validation: Interval
    test: Interval | None
    effects: Sequence[Effect]
    limiting: Factor | None
    sentence: str


def cause(found: Sequence[Cell], curves: Sequence[LearningCurve] = ()) -> Cause | None:
    """Say what limits the best cell of a grid; None without a cell that measured anything.

    `curves` are the grid's learning curves, whose floor speaks of noise.
    """
    measured = [(cell, loss) for cell in found if (loss := cell.over_seeds(best_validation))]
    if not measured:
        return None
    best, validation = min(measured, key=lambda one: one[1].mean)
    cells = [cell for cell, _ in measured]
    effects = [
        step(cells, best, "data"),
        step(cells, best, "capacity"),
        training(best),
        step(cells, best, "regularisation"),
    ]
    effects.append(noise_step(cells, best) or floor(best, validation, effects, curves))
    limiting = _limiting(effects)
    return Cause(
        dict(best.params), best.parameters, validation, best.over_seeds(test_at_best), effects,
        limiting, _sentence(best, validation, effects, limiting),
    )  # fmt: skip


def _limiting(effects: Sequence[Effect]) -> Factor | None:
    """Return the factor of which more lowers the loss most, else noise if it is most of it."""
    limits = [
        (one.change.mean, one.factor)
        for one in effects
        if one.finding == "limits" and one.factor != "noise" and one.change
    ]
    if limits:
        return min(limits)[1]
    [noise] = [one for one in effects if one.factor == "noise"]
    return "noise" if noise.finding == "limits" and noise.change is None else None


def _sentence(
    best: Cell, validation: Interval, effects: Sequence[Effect], limiting: Factor | None
) -> str:
    start = (
        f"The lowest validation loss, {number(validation.mean)}, is that of {best.parameters:,} "
        f"parameters on {best.n_train:,} training samples."
    )
    if limiting:
        [effect] = [one for one in effects if one.factor == limiting]
        most = f" {limiting.capitalize()} limits it most." if limiting != "noise" else ""
        return f"{start}{most} {effect.sentence}"
    asked = [one for one in effects if one.factor != "noise"]
    unresolved = [one.factor for one in asked if one.finding == "not resolved"]
    if unresolved:
        seeds = "One seed does" if validation.count == 1 else f"{validation.count} seeds do"
        return f"{start} {seeds} not tell whether {_listed(unresolved, 'or')} limits it."
    tested = [one.factor for one in asked if one.finding == "does not limit"]
    if tested:
        return f"{start} Nothing measured limits it: not {_listed(tested, 'or')}."
    return f"{start} What limits it is not assessable: no neighbour was measured."


def _listed(factors: Sequence[Factor], last: str) -> str:
    return f" {last} ".join(filter(None, [", ".join(factors[:-1]), factors[-1]]))
