"""What recording costs: the time a recorded training spends outside its epochs.

    python bench/recording.py [DATABASE_URL]

Prints, per preset, the median seconds spent training and on everything else (claim, records,
leases, checkpoints, snapshots, diagnosis), and the share that everything else adds. Both come
from the same run, so that a busy machine slows both alike.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from backend.hints import Hints
from backend.settings import Settings
from backend.spec import validate
from backend.spec.presets import PRESETS
from backend.store import Database, experiments
from backend.store.schema import migrate
from worker import trainer
from worker.stopping import Stopping
from worker.tasks import warm_up
from worker.trainer import Services
from worker.training.group import EpochResult, Failure, Group, choose_device

REPEATS = 3


@dataclass
class Spent:
    """Seconds spent inside `with` blocks, by this thread and by the clock."""

    cpu: float = 0.0
    wall: float = 0.0

    def __enter__(self) -> None:
        self._started = time.thread_time(), time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.cpu += time.thread_time() - self._started[0]
        self.wall += time.perf_counter() - self._started[1]


def main() -> None:
    trainer.Group = TimedGroup  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/lab.db"
        settings = Settings(data_dir=Path(folder), database=url)
        database = Database(settings.database_url)
        migrate(database)
        services = Services(
            settings=settings,
            database=database,
            hints=Hints(settings.broker_url),
            device=choose_device(),
            stopping=Stopping(),
        )
        warm_up(services)
        print(f"{'preset':<10} {'training':>11} {'the rest':>11} {'added CPU':>10} {'added':>10}")
        for slug, preset in PRESETS.items():
            measure(slug, preset.document, services)
        database.dispose()


class TimedGroup(Group):
    """A group that adds up the time spent making it and in its epochs."""

    training = Spent()

    def __init__(self, *args: Any, **options: Any) -> None:
        with TimedGroup.training:
            super().__init__(*args, **options)

    def epoch(self) -> list[EpochResult | Failure]:
        with TimedGroup.training:
            return super().epoch()


def measure(slug: str, document: dict[str, Any], services: Services) -> None:
    runs = [run(document, services) for _ in range(REPEATS)]
    trained, added = (median(each[part].wall for each in runs) for part in (0, 1))
    cpu = median(added.cpu / trained.cpu for trained, added in runs)
    wall = median(added.wall / trained.wall for trained, added in runs)
    print(f"{slug:<10} {trained:>9.2f} s {added:>9.2f} s {cpu:>10.1%} {wall:>10.1%}")


def run(document: dict[str, Any], services: Services) -> tuple[Spent, Spent]:
    """Train an experiment; return the time spent in epochs, and on everything else."""
    with services.database.write() as session:
        run_ids = experiments.create(session, validate(document))[1]
    TimedGroup.training, whole = Spent(), Spent()
    with whole:
        trainer.train(run_ids, services)
    trained = TimedGroup.training
    return trained, Spent(whole.cpu - trained.cpu, whole.wall - trained.wall)


if __name__ == "__main__":
    main()
