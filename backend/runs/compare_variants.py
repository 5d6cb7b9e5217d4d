"""Comparison of an experiment's variants, read from the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from backend.analysis.cells import N_TRAIN, SEED
from backend.analysis.comparison import Arm, Comparison, JudgedLosses, RunOutcome, compare
from backend.errors import NotFound
from backend.runs.states import ENDED
from backend.specification.experiment import SEEDS
from backend.specification.hyperparameters import AXIS_SECTIONS
from backend.specification.params import JsonObject, Params, ParamValue
from backend.store import experiments, metric_summaries, runs
from backend.store.tables import Run

At = Literal["last", "best"]
"""The epoch at which a run is judged: its last, or that of its lowest validation loss."""
DEFAULT_AT: At = "best"  # the model that one keeps of a run, however the run ended
METRICS = (
    "train_loss", "val_loss", "test_loss", "train_accuracy", "val_accuracy", "test_accuracy",
)  # fmt: skip

CellRun = tuple[int, Run]
"""A run with the number of its cell: the index of its setting in the experiment."""


@dataclass(frozen=True)
class Comparable:
    """An experiment's runs by variant, each with the number of its cell.

    `settings` holds the values of the axes that the variants were multiplied with, one mapping per
    cell. It is ``[{}]`` without such axes.
    """

    variants: Mapping[str, Sequence[CellRun]]
    settings: Sequence[Params]


def comparable(session: Session, experiment_id: int) -> Comparable:
    """Return the runs of an experiment's variants that can be compared.

    A cell is here a setting of the axes and not of all hyperparameters, because variants differ in
    some of them. Raises NotFound without variants, or if a variant sets an axis: its runs have no
    counterpart in the other cells.
    """
    document = experiments.get(session, experiment_id).spec or {}
    variants = [_given_values(variant) for variant in document.get("variants", [])]
    axes = _listed_axes(document)
    if len(variants) < 2:
        raise NotFound(f"Experiment {experiment_id} has no variants to compare.")
    if clash := [path for path in axes for changes in variants if path in changes]:
        raise NotFound(
            f"The variants of experiment {experiment_id} are not compared: one sets {clash[0]}, "
            "which is a list in the specification too, so that runs have no partner."
        )
    by_variant: dict[str, list[CellRun]] = {}
    numbers: dict[tuple[tuple[str, ParamValue], ...], int] = {}
    for row in runs.of_experiment(session, experiment_id):
        values = tuple((path, row.params.get(path)) for path in axes)
        number = numbers.setdefault(values, len(numbers))
        by_variant.setdefault(str(row.variant), []).append((number, row))
    if len(by_variant) < 2:
        raise NotFound(f"Experiment {experiment_id} has runs of fewer than two variants.")
    settings = [{k: v for k, v in values if v is not None} for values in numbers]
    return Comparable(by_variant, settings)


def comparison(
    session: Session, experiment_id: int, *, at: At = DEFAULT_AT, setting: int | None = None
) -> Comparison:
    """Compare an experiment's variants with its first one, in all cells or in one.

    Raises NotFound without variants that can be compared, or without such a setting.
    """
    everything = comparable(session, experiment_id)
    if setting is not None and setting >= len(everything.settings):
        raise NotFound(f"Experiment {experiment_id} has {len(everything.settings)} such settings.")
    groups = {
        name: [(cell, row) for cell, row in group if setting in (None, cell)]
        for name, group in everything.variants.items()
    }
    losses = _losses(session, [row.id for group in groups.values() for _, row in group], at)
    return compare([_arm(name, group, losses) for name, group in groups.items()])


def axes(document: JsonObject) -> list[str]:
    """Return the axes of a specification: "variant", the hyperparameters with lists, and the seed.

    `backend.analysis.cells.varying` derives the same from the runs of an experiment.
    """
    variant = ["variant"] if len(document.get("variants", [])) > 1 else []
    seeds = document.get("training", {}).get("seeds", 1)
    one_seed = seeds == 1 or (isinstance(seeds, list) and len(seeds) == 1)
    return [*variant, *_listed_axes(document), *([] if one_seed else [SEED])]


def _listed_axes(document: JsonObject) -> list[str]:
    values = _given_values(document).items()
    return [path for path, value in values if isinstance(value, list) and path != SEEDS]


def _given_values(document: JsonObject) -> dict[str, object]:
    """Return the values that a specification or a variant gives, by dotted path."""
    return {
        f"{section}.{name}": value
        for section in AXIS_SECTIONS
        for name, value in document.get(section, {}).items()
    }


def _arm(name: str, group: Sequence[CellRun], losses: Mapping[int, JudgedLosses]) -> Arm:
    outcomes = [
        RunOutcome(
            row.params[SEED],
            losses.get(row.id) if row.status == "finished" else None,
            row.epoch,
            row.status in ENDED,
            cell,
        )
        for cell, row in group
    ]
    parameters = {row.parameters for _, row in group}
    sizes = {row.params[N_TRAIN] for _, row in group}
    return Arm(name, _common_value(parameters), _common_value(sizes), outcomes)


def _common_value(values: set[int]) -> int | None:
    return next(iter(values)) if len(values) == 1 else None


def _losses(session: Session, run_ids: list[int], at: At) -> dict[int, JudgedLosses]:
    """Return the metrics of runs at the epoch at which they are judged."""
    values: Mapping[int, Mapping[str, float | int | None]]
    if at == "best":
        values = metric_summaries.values_at_best(session, run_ids, METRICS)
    else:
        values = {
            run_id: {key: summary["last"] for key, summary in by_key.items() if key in METRICS}
            for run_id, by_key in metric_summaries.summaries(session, run_ids).items()
        }
    return {
        run_id: {key: float(value) for key, value in by_key.items() if value is not None}
        for run_id, by_key in values.items()
    }
