"""Analysis of an experiment: its grid, bias and variance, and the comparison of variants."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from backend.analysis.comparison import Comparison, PairedDifference, VariantEffect
from backend.analysis.comparison_sentences import in_words
from backend.analysis.report import GridReport
from backend.runs import compare_variants
from backend.runs.compare_variants import DEFAULT_AT, At
from backend.runs.grid_analysis import CellSplit, bias_variance, grid_report
from backend.specification.params import JsonObject, Params
from backend.web.dependencies import DatabaseDep, ExperimentId
from backend.web.heavy_work import HEAVY

router = APIRouter(prefix="/api/experiments/{experiment_id}", dependencies=[HEAVY])


@router.get("/analysis", tags=["experiments"], summary="Analyse an experiment's grid")
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


@router.get(
    "/bias-variance", tags=["experiments"], summary="Split the error of an experiment's models"
)
def read_bias_variance(experiment_id: ExperimentId, database: DatabaseDep) -> list[CellSplit]:
    """Return bias and variance over the seeds of each cell, at the best, last and other epochs."""
    with database.read() as session:
        return bias_variance(session, experiment_id)


class DifferenceItem(BaseModel):
    """Mean difference from the baseline over `pairs` seeds, with two 95 % intervals.

    `low` to `high` holds for this variant alone, `joint_low` to `joint_high` for all variants
    together. `resolved` means that the joint interval excludes zero. The bounds are null with fewer
    than two pairs.
    """

    mean: float
    pairs: int
    low: float | None
    high: float | None
    joint_low: float | None
    joint_high: float | None
    resolved: bool


class EffectItem(BaseModel):
    """A variant: means over its seeds, differences from the baseline, and its cost.

    `cost` is parameters times training samples times epochs, relative to the baseline. `cost`,
    `parameters` and `n_train` are null if the cells differ in them. `lower` counts the cells, of
    `cells`, in which its mean validation loss is below the baseline's.
    """

    name: str
    means: dict[str, float]
    differences: dict[str, DifferenceItem]
    parameters: int | None
    n_train: int | None
    epochs: float
    cost: float | None
    failed: int
    cells: int
    lower: int


class ComparisonItem(BaseModel):
    """Variants compared with the baseline, lowest test loss first; `chosen` by validation loss.

    `settings` are the combinations of axes that each variant was trained on. `setting` is the index
    of the compared combination, null for all together.
    """

    at: At
    settings: list[JsonObject]
    setting: int | None
    complete: bool
    seeds: int
    sentence: str
    baseline: EffectItem
    variants: list[EffectItem]
    chosen: str | None


@router.get("/comparison", tags=["remedies"], summary="Compare the variants of an experiment")
def read_comparison(
    experiment_id: ExperimentId,
    database: DatabaseDep,
    at: Annotated[At, Query(description="Epoch at which runs are compared.")] = DEFAULT_AT,
    setting: Annotated[
        int | None,
        Query(ge=0, description="Index of one combination of axes. Default: all together."),
    ] = None,
) -> ComparisonItem:
    """Return the paired difference of each variant from the baseline, even while runs train.

    If variants were combined with axes, runs are paired by cell and seed, and each seed counts once
    with its mean over the cells.
    """
    with database.read() as session:
        comparison = compare_variants.comparison(session, experiment_id, at=at, setting=setting)
        settings = compare_variants.comparable(session, experiment_id).settings
    return _comparison_item(comparison, at, settings, setting)


def _comparison_item(
    comparison: Comparison, at: At, settings: Sequence[Params], setting: int | None
) -> ComparisonItem:
    return ComparisonItem(
        at=at,
        settings=[dict(combination) for combination in settings],
        setting=setting,
        complete=comparison.complete,
        seeds=comparison.seeds,
        sentence=in_words(comparison),
        baseline=_effect_item(comparison.baseline),
        variants=[_effect_item(effect) for effect in comparison.effects],
        chosen=comparison.chosen and comparison.chosen.arm.name,
    )


def _effect_item(effect: VariantEffect) -> EffectItem:
    return EffectItem(
        name=effect.arm.name,
        means=dict(effect.means),
        differences={
            key: _difference(difference) for key, difference in effect.differences.items()
        },
        parameters=effect.arm.parameters,
        n_train=effect.arm.n_train,
        epochs=effect.arm.epochs,
        cost=effect.cost,
        failed=effect.arm.broken,
        cells=effect.cells,
        lower=effect.lower,
    )


def _difference(difference: PairedDifference) -> DifferenceItem:
    return DifferenceItem(**vars(difference), resolved=difference.resolved)
