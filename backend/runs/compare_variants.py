"""The comparison of an experiment's variants, read from the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy.orm import Session

from backend.analysis.cells import N_TRAIN, SEED
from backend.analysis.comparison import Arm, Comparison, JudgedLosses, RunOutcome, compare
from backend.errors import NotFound
from backend.runs.states import ENDED
from backend.specification.experiment import SEEDS
from backend.specification.hyperparameters import AXIS_SECTIONS
from backend.store import experiments, metric_summaries, runs
from backend.store.tables import Run

At = Literal["last", "best"]
"""The epoch at which a run is judged: its last, or that of its lowest validation loss."""
JUDGED: At = "best"  # unless asked otherwise: the model that is kept of a run, however it was ended
METRICS = (
    "train_loss", "val_loss", "test_loss", "train_accuracy", "val_accuracy", "test_accuracy",
)  # fmt: skip


@dataclass(frozen=True)
class Comparable:
    """An experiment's runs by variant, each with the number of its cell among `settings`.

    `settings` are the values of the axes that variants were multiplied with, {} without any.
    """

    variants: Mapping[str, Sequence[tuple[int, Run]]]
    settings: Sequence[Mapping[str, Any]]


def comparable(session: Session, experiment_id: int) -> Comparable:
    """Return what of an experiment's variants can be compared. Raises NotFound where nothing can.

    A variant that sets a hyperparameter which is also an axis has no partner in the other cells.
    """
    document = experiments.get(session, experiment_id).spec
    variants = [_settings(variant) for variant in document.get("variants", [])]
    lists = _lists(document)
    if len(variants) < 2:
        raise NotFound(f"Experiment {experiment_id} has no variants to compare.")
    if clash := [path for path in lists for changes in variants if path in changes]:
        raise NotFound(
            f"The variants of experiment {experiment_id} are not compared: one sets {clash[0]}, "
            "which is a list in the specification too, so that runs have no partner."
        )
    groups: dict[str, list[tuple[int, Run]]] = {}
    settings: dict[tuple[tuple[str, Any], ...], int] = {}
    for row in runs.of_experiment(session, experiment_id):
        place = tuple((path, row.params.get(path)) for path in lists)
        cell = settings.setdefault(place, len(settings))
        groups.setdefault(str(row.variant), []).append((cell, row))
    return Comparable(groups, [{k: v for k, v in place if v is not None} for place in settings])


def comparison(
    session: Session, experiment_id: int, *, at: At = JUDGED, setting: int | None = None
) -> Comparison:
    """Compare an experiment's variants with its first one, in all its cells or in one.

    Raises NotFound without variants that can be compared, or without such a setting.
    """
    found = comparable(session, experiment_id)
    if setting is not None and setting >= len(found.settings):
        raise NotFound(f"Experiment {experiment_id} has {len(found.settings)} such settings.")
    groups = {
        name: [(cell, row) for cell, row in group if setting in (None, cell)]
        for name, group in found.variants.items()
    }
    judged = _judged(session, [row.id for group in groups.values() for _, row in group], at)
    return compare([_arm(name, group, judged) for name, group in groups.items()])


def axes(document: Mapping[str, Any]) -> list[str]:
    """Return the axes of an experiment: "variant", the hyperparameters that are lists, the seed."""
    variant = ["variant"] if len(document.get("variants", [])) > 1 else []
    seeds = document.get("training", {}).get("seeds", 1)
    alone = seeds == 1 or (isinstance(seeds, list) and len(seeds) == 1)
    return [*variant, *_lists(document), *([] if alone else [SEED])]


def _lists(document: Mapping[str, Any]) -> list[str]:
    written = _settings(document).items()
    return [path for path, value in written if isinstance(value, list) and path != SEEDS]


def _settings(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hyperparameters in a specification or a variant by dotted path."""
    return {
        f"{section}.{name}": value
        for section in AXIS_SECTIONS
        for name, value in document.get(section, {}).items()
    }


def _arm(name: str, group: Sequence[tuple[int, Run]], judged: Mapping[int, JudgedLosses]) -> Arm:
    outcomes = [
        RunOutcome(
            row.params[SEED],
            judged.get(row.id) if row.status == "finished" else None,
            row.epoch,
            row.status in ENDED,
            cell,
        )
        for cell, row in group
    ]
    parameters = {row.parameters for _, row in group}
    sizes = {row.params[N_TRAIN] for _, row in group}
    return Arm(name, _only(parameters), _only(sizes), outcomes)


def _only(values: set[int]) -> int | None:
    return next(iter(values)) if len(values) == 1 else None


def _judged(session: Session, run_ids: list[int], at: At) -> dict[int, JudgedLosses]:
    found: Mapping[int, Mapping[str, float | int | None]]
    if at == "best":
        found = metric_summaries.values_at_best(session, run_ids, METRICS)
    else:
        found = {
            run_id: {key: summary["last"] for key, summary in by_key.items() if key in METRICS}
            for run_id, by_key in metric_summaries.summaries(session, run_ids).items()
        }
    return {
        run_id: {key: float(value) for key, value in values.items() if value is not None}
        for run_id, values in found.items()
    }
