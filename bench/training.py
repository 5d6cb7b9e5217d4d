"""Training times compared with the estimates of backend/specification/timing.py.

    python -m bench.training

Prints for several sizes and for the presets the median seconds per epoch (or of the whole preset),
as CPU time of the training thread, and the estimate. The constants of the estimate are fitted to
these on a small cloud machine. An accuracy within a factor of 2 is good enough.
"""

import time
from collections.abc import Iterator
from itertools import islice
from statistics import median
from typing import Any

from backend.specification import RunSpec, validate
from backend.specification.estimates import estimated_seconds
from backend.specification.presets import PRESETS
from worker.training.device import choose_device
from worker.training.group import Group

EPOCHS = 12
SIZES: list[dict[str, Any]] = [
    {"dataset": {"source": "points"}, "model": {"degree": 1}},
    {"dataset": {"source": "points"}, "model": {"degree": 6}},
    {"dataset": {"source": "moons"}, "model": {"family": "polynomial", "degree": 10}},
    {"dataset": {"source": "moons", "n_train": 1000}, "model": {"depth": 0}},
    {"dataset": {"source": "moons", "n_train": 20}, "model": {"width": 8}},
    {"dataset": {"source": "moons", "n_train": 1000}, "model": {"width": 8}},
    {"dataset": {"source": "moons", "n_train": 1000}, "model": {"width": 128}},
    {"dataset": {"source": "moons", "n_train": 1000}, "model": {"width": 32, "depth": 6}},
    {"dataset": {"source": "moons", "n_train": 200}, "model": {"width": 512}},
    {"dataset": {"source": "iris"}, "model": {"width": 32}},
    {"dataset": {"source": "digits"}, "model": {"width": 64}},
    {"dataset": {"source": "digits"}, "model": {"width": 512, "depth": 3}},
]


def main() -> None:
    print(f"{'epoch of':<44} {'measured':>12} {'estimated':>12} {'ratio':>6}")
    for document in SIZES:
        (spec,) = validate(document).runs
        show(name(spec), seconds_per_epoch([spec]), per_epoch(spec))
    print(f"{'preset':<44}")
    for preset in PRESETS.values():
        specs = validate(preset.document).runs
        measured = seconds_per_epoch(specs) * specs[0].training.epochs
        show(preset.title, measured, estimated_seconds(specs))


def name(spec: RunSpec) -> str:
    model = spec.model
    size = f"degree {model.degree}" if model.degree else f"{model.width} x {model.depth}"
    return f"{spec.dataset.source}, {spec.dataset.n_train} samples, {model.family} {size}"


def show(title: str, measured: float, estimated: float) -> None:
    ratio = estimated / measured
    print(f"{title:<44} {measured * 1e3:>9.2f} ms {estimated * 1e3:>9.2f} ms {ratio:>6.2f}")


def seconds_per_epoch(specs: list[RunSpec]) -> float:
    """Return the median CPU time of an epoch of all specs together."""
    group = Group(specs, choose_device())
    group.epoch()  # the first epoch creates the optimisers' state
    return median(islice(epoch_times(group), EPOCHS))


def epoch_times(group: Group) -> Iterator[float]:
    while True:
        started = time.thread_time()
        group.epoch()
        yield time.thread_time() - started


def per_epoch(spec: RunSpec) -> float:
    """Return the estimated seconds of one epoch of a run."""
    runs = [RunSpec.from_params({**spec.params(), "training.epochs": n}) for n in (1, 2)]
    once, twice = (estimated_seconds([run]) for run in runs)
    return twice - once


if __name__ == "__main__":
    main()
