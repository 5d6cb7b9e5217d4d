"""Scenes: experiments in every state that a page can show, written to a database without training.

`SCENES` holds them by name, `write_scene` stores one, `advance` adds epochs to it. The losses are
made up; they are stored as a worker stores them. Used by tests and screenshots of pages and by
bench/dashboard.py.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, nan
from typing import Any

from sqlalchemy.orm import Session

from backend.runs import lifecycle
from backend.runs.states import State
from backend.specification import RunSpec, validate
from backend.store import Database, changes, experiments, metrics, runs, transitions
from backend.store.changes import NewChange
from backend.store.metric_storage import Chunk
from backend.store.runs import RunProgress
from backend.store.transitions import Ending

LEASE_SECONDS = 24 * 3600.0
KEYS = ("train_loss", "val_loss", "test_loss", "train_accuracy", "val_accuracy", "test_accuracy")
RUNS_PER_TRANSACTION = 50  # of at most a few megabytes

Document = Mapping[str, Any]
Losses = Callable[[RunSpec, int], tuple[float, float]]
"""Returns the train and validation loss of a run after an epoch."""


def overfitting(spec: RunSpec, epoch: int) -> tuple[float, float]:
    """Return losses that diverge sooner the wider the model and the fewer its samples."""
    capacity = spec.model.width or 8
    pull = capacity / (capacity + spec.dataset.n_train)
    wobble = 0.01 * ((17 * epoch + 7 * spec.training.seed) % 13) / 13
    fall = exp(-epoch * (0.02 + 0.2 * pull))
    train = 0.05 + 0.65 * fall + 0.3 * (1 - pull) + wobble
    return train, train + wobble + 0.9 * pull * (1 - exp(-epoch * 0.03 * pull))


def diverging(spec: RunSpec, epoch: int) -> tuple[float, float]:
    """Return losses that are NaN from the sixth epoch on."""
    return (nan, nan) if epoch > 5 else overfitting(spec, epoch)


@dataclass(frozen=True)
class Scene:
    """An experiment and the progress of its runs. Epochs are written in chunks of `chunk`."""

    document: Document
    epochs: int
    target: State | None = "finished"
    losses: Losses = overfitting
    error: str | None = None
    chunk: int = 100_000


MOONS = {"source": "moons", "n_train": 50, "n_validation": 100, "n_test": 100}
SCENES = {
    "queued": Scene({"name": "Waiting", "dataset": MOONS}, 0, None),
    "running": Scene({"name": "Half way", "dataset": MOONS, "training": {"epochs": 60}}, 30, None),
    "one epoch": Scene({"name": "One epoch", "dataset": MOONS, "training": {"epochs": 1}}, 1),
    "diverged": Scene(
        {"name": "Not a number", "dataset": MOONS}, 20, losses=diverging, target="failed",
        error="The loss is not finite after epoch 6.",
    ),
    "failed": Scene(
        {"name": "Failed before an epoch", "dataset": MOONS}, 0, "failed",
        error="The worker ran out of memory.",
    ),
    "cancelled": Scene({"name": "Cancelled", "dataset": MOONS}, 12, "cancelled"),
    "seeds": Scene({"name": "Twenty seeds", "dataset": MOONS, "training": {"seeds": 20}}, 40),
    "grid": Scene(
        {
            "name": "Capacity against data",
            "dataset": {**MOONS, "n_train": [20, 60, 200]},
            "model": {"width": [2, 8, 32, 128]},
            "training": {"seeds": 2},
        },
        60,
    ),
}  # fmt: skip


def thousand_runs(epochs: int) -> Scene:
    """Return a grid of 1,000 runs, written in the small chunks in which workers write."""
    document = {
        "name": "A thousand runs",
        "dataset": {**MOONS, "n_train": [20, 30, 50, 80, 120, 200, 300, 500, 800, 1000]},
        "model": {"width": [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]},
        "training": {"epochs": epochs, "seeds": 10},
    }
    return Scene(document, epochs, chunk=25)


def write_scene(database: Database, scene: Scene) -> tuple[int, list[int]]:
    """Store a scene; return the ids of its experiment and of its runs."""
    spec = validate(scene.document)
    with database.write() as session:
        experiment, run_ids = experiments.create_experiment(session, spec)
    pairs = list(zip(run_ids, spec.runs, strict=True))
    for start in range(0, len(pairs), RUNS_PER_TRANSACTION):
        _write_runs(database, scene, experiment.id, pairs[start : start + RUNS_PER_TRANSACTION])
    return experiment.id, run_ids


def _write_runs(
    database: Database, scene: Scene, experiment_id: int, pairs: Sequence[tuple[int, RunSpec]]
) -> None:
    if not scene.epochs and scene.target is None:
        return
    ids = [run_id for run_id, _ in pairs]
    with database.write() as session:
        claims = transitions.claim(session, ids, worker="scene", lease_seconds=LEASE_SECONDS)
        for first in range(1, scene.epochs + 1, scene.chunk):
            last = min(scene.epochs, first + scene.chunk - 1)
            advance(session, scene, experiment_id, pairs, first, last)
        if scene.target:
            transitions.end(
                session, [Ending(claim.lease, scene.target, scene.error) for claim in claims]
            )
            lifecycle.close(session, ids)
        entries = [NewChange(run_id, "status") for run_id in ids]
        changes.log(session, experiment_id, entries)


def advance(
    session: Session,
    scene: Scene,
    experiment_id: int,
    pairs: Sequence[tuple[int, RunSpec]],
    first: int,
    last: int,
) -> None:
    """Record the epochs from `first` to `last` of runs, and log the changes."""
    steps = range(first, last + 1)
    stretches = []
    for run_id, spec in pairs:
        losses = [scene.losses(spec, step) for step in steps]
        columns = _columns(losses)
        stretches += [Chunk(run_id, key, steps, columns[key], 0) for key in KEYS]
    metrics.append(session, stretches)
    runs.store_progress(session, [RunProgress(run_id, last, 0.69) for run_id, _ in pairs])
    changes.log(
        session, experiment_id, [NewChange(run_id, "metric", first, last) for run_id, _ in pairs]
    )


def _columns(losses: Sequence[tuple[float, float]]) -> dict[str, list[float]]:
    train, validation = [pair[0] for pair in losses], [pair[1] for pair in losses]
    values = (train, validation, [1.02 * loss for loss in validation])
    accuracies = [[max(0.5, 1 - loss / 2) for loss in part] for part in values]
    return dict(zip(KEYS, [*values, *accuracies], strict=True))
