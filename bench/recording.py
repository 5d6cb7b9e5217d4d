"""Cost of recording: the time of a recorded training that is spent outside of its epochs.

    python -m bench.recording [DATABASE_URL] [--write]

Prints a row per preset, and writes it to docs/benchmarks.md on request: the median seconds of
training, the additional share of recording epochs during training, and that of all the rest: claim,
records, leases, checkpoints, and the work at the end of a run (its last snapshots and its
diagnosis). All three come from the same run and are processor seconds, so that a busy machine slows
them alike. `sweep` is 256 runs trained together.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from backend.live.notifications import Notifier
from backend.settings import Settings
from backend.specification import validate
from backend.specification.presets import PRESETS
from backend.store import Database, experiments
from backend.store.schema import migrate
from bench.docs_section import replace_section
from worker import trainer
from worker.recorder import HeldRun, Recorder
from worker.services import Services, Shutdown
from worker.tasks import train, warm_up
from worker.training.device import choose_device
from worker.training.group import EpochResult, Failure, Group

REPEATS = 3
SWEEP: dict[str, Any] = {
    "dataset": {"source": "moons", "n_features": 20, "n_train": [50, 150, 400, 1000]},
    "model": {"depth": 2, "width": [4, 16, 32, 64]},
    "training": {"epochs": 100, "batch_size": 32, "seeds": 16},
}


class Spent:
    """Processor seconds of this thread inside `with` blocks."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self._started = time.thread_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.thread_time() - self._started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("database", nargs="?", metavar="DATABASE_URL")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    trainer.Group = TimedGroup  # type: ignore[attr-defined]
    trainer.Recorder = TimedRecorder  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder:
        url = options.database or f"sqlite:///{folder}/lab.db"
        settings = Settings(data_dir=Path(folder), database=url)
        database = Database(settings.database_url)
        migrate(database)
        services = Services(
            settings=settings,
            database=database,
            notifier=Notifier(settings.broker_url),
            device=choose_device(),
            shutdown=Shutdown(),
        )
        warm_up(services)
        lines = ["| what | training | recording | all the rest |", "|---|---|---|---|"]
        for slug, preset in PRESETS.items():
            lines.append(measure(slug, preset.document, services))
        lines.append(measure("sweep", SWEEP, services))
        database.dispose()
    text = "\n".join(lines)
    print(text)
    if options.write:
        replace_section("What recording costs", text)


class TimedGroup(Group):
    """A group that adds up the time of its creation and of its epochs."""

    training = Spent()

    def __init__(self, *args: Any, **options: Any) -> None:
        with TimedGroup.training:
            super().__init__(*args, **options)

    def epoch(self) -> list[EpochResult | Failure]:
        with TimedGroup.training:
            return super().epoch()


class TimedRecorder(Recorder):
    """A recorder that adds up the time of the writes in which no run ends."""

    recording = Spent()

    def write(self, held: Sequence[HeldRun]) -> dict[int, bool] | None:
        if any(run.unwritten.ending for run in held):
            return super().write(held)
        with TimedRecorder.recording:
            return super().write(held)


def measure(slug: str, document: dict[str, Any], services: Services) -> str:
    runs = [run(document, services) for _ in range(REPEATS)]
    trained = median(training for training, _, _ in runs)
    recording = median(recorded / training for training, recorded, _ in runs)
    rest = median(rest / training for training, _, rest in runs)
    return f"| {slug} | {trained:.2f} s | {recording:.1%} | {rest:.1%} |"


def run(document: dict[str, Any], services: Services) -> tuple[float, float, float]:
    """Train an experiment; return the seconds in epochs, in recording, and outside epochs."""
    with services.database.write() as session:
        run_ids = experiments.create_experiment(session, validate(document))[1]
    TimedGroup.training, TimedRecorder.recording, whole = Spent(), Spent(), Spent()
    with whole:
        train(run_ids, services)
    trained = TimedGroup.training.seconds
    return trained, TimedRecorder.recording.seconds, whole.seconds - trained


if __name__ == "__main__":
    main()
