"""The comparison of an experiment's variants, read from the database."""

from collections.abc import Mapping
from typing import Literal

from sqlalchemy.orm import Session

from backend.analysis.comparison import Arm, Comparison, Losses, Outcome, compare
from backend.store import metrics, runs
from backend.store.states import ENDED
from backend.store.tables import Run

At = Literal["last", "best"]
"""The epoch at which a run is judged: its last, or that of its lowest validation loss."""
METRICS = (
    "train_loss", "val_loss", "test_loss", "train_accuracy", "val_accuracy", "test_accuracy",
)  # fmt: skip


def comparison(session: Session, experiment_id: int, *, at: At = "last") -> Comparison | None:
    """Compare an experiment's variants with its first one.

    None without variants, or when each is a whole grid: then there is no one difference.
    """
    rows = runs.of_experiment(session, experiment_id)
    groups: dict[str, dict[int, Run]] = {}
    for row in rows:
        if row.variant is not None:
            groups.setdefault(row.variant, {})[row.params["training.seed"]] = row
    if len(groups) < 2 or sum(map(len, groups.values())) < len(rows):
        return None
    judged = _judged(session, [row.id for row in rows], at)
    return compare([_arm(name, group, judged) for name, group in groups.items()])


def _arm(name: str, group: Mapping[int, Run], judged: Mapping[int, Losses]) -> Arm:
    first = next(iter(group.values()))
    outcomes = [
        Outcome(
            seed,
            judged.get(row.id) if row.status == "finished" else None,
            row.epoch,
            row.status in ENDED,
        )
        for seed, row in group.items()
    ]
    return Arm(name, first.parameters, first.params["dataset.n_train"], outcomes)


def _judged(session: Session, run_ids: list[int], at: At) -> dict[int, Losses]:
    found: Mapping[int, Mapping[str, float | int | None]]
    if at == "best":
        found = metrics.at_best_epoch(session, run_ids, METRICS)
    else:
        found = {
            run_id: {key: summary["last"] for key, summary in by_key.items() if key in METRICS}
            for run_id, by_key in metrics.summaries(session, run_ids).items()
        }
    return {
        run_id: {key: float(value) for key, value in values.items() if value is not None}
        for run_id, values in found.items()
    }
