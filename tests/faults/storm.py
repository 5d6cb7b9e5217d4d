"""Faults, again and again at random moments, while experiments train; and what must hold after."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
from sqlalchemy import func, select

from backend.runs.states import ENDED
from backend.store.tables import Run
from backend.store.transitions import LOST
from tests.faults.experiments import DOCUMENT
from tests.faults.figures import Figures
from tests.faults.processes import Process
from tests.faults.stand import Stand
from tests.faults.truth import Curve, check, wrong
from tests.product import wait_for

MOST_FAULTS = 5  # between two comparisons: fast faults let no experiment end by itself
LONGEST_PAUSE_SECONDS = 1.0  # between the moment work goes on and the next fault


@dataclass
class Storm:
    """Faults of one kind on one stand. Every experiment is compared with `expected`.

    Runs may fail with the sentences that begin with `excused`, and are tried again.
    """

    stand: Stand
    figures: Figures
    random: Random
    expected: Sequence[Curve]
    document: Mapping[str, Any] = field(default_factory=lambda: DOCUMENT)
    excused: Sequence[str] = (LOST,)
    experiment: int = 0

    def run(self, count: int, strike: Callable[["Storm"], float | None]) -> None:
        """Strike so many times; `strike` returns the seconds it took to recover, if it hit."""
        while self.figures.faults < count:
            self.be_training()
            time.sleep(self.random.uniform(0, LONGEST_PAUSE_SECONDS))
            seconds = strike(self)
            self.figures.faults += 1
            if seconds is not None:
                self.figures.caught += 1
                self.figures.recoveries.append(seconds)
            if self.figures.faults % MOST_FAULTS == 0:
                self.finish()
        self.finish()

    def be_training(self) -> None:
        """Have an experiment that is not at its end; compare the one that is."""
        if self.experiment and not self.unended() and not self.retried():
            self.compare()
        if not self.experiment:
            self.experiment = self.stand.submit(self.document)
        wait_for(lambda: self.training() or not self.unended(), self.stand.said)

    def training(self) -> list[Process]:
        """Return the workers that train runs of the experiment."""
        workers, rows = self.stand.workers, self.unended()
        return [one for one in workers if any(trains(one, row) for row in rows)]

    def finish(self) -> None:
        """Let the last experiment end, and compare it."""
        if self.experiment:
            wait_for(
                lambda: not self.unended() and not self.retried(), self.stand.said, seconds=300
            )
            self.compare()

    def retried(self) -> bool:
        """Retry runs that failed by the faults alone, as `excused` says: whether there were any.

        So ends a run that lost three workers in a row before an epoch, as it may kill its workers.
        """
        query = select(Run.error).where(
            Run.experiment_id == self.experiment, Run.status == "failed"
        )
        lost = self.stand.rows(query)
        if lost:
            errors = [error for (error,) in lost if not error.startswith(tuple(self.excused))]
            assert not errors, f"{errors}. {self.stand.said()}"
            answer = httpx.post(f"{self.stand.url}/api/experiments/{self.experiment}/retry")
            answer.raise_for_status()
            self.figures.retried += len(lost)
        return bool(lost)

    def compare(self) -> None:
        """Compare every curve with the undisturbed one, and have `lab doctor` read everything."""
        self.figures.epochs += check(self.stand, self.experiment, self.expected)
        self.figures.runs += len(self.expected)
        assert not (found := wrong(self.stand)), found
        self.figures.examined += 1
        self.experiment = 0

    def unended(self) -> list[Any]:
        """Return id, status, epoch, worker and attempt of the runs that have not ended."""
        columns = Run.id, Run.status, Run.epoch, Run.worker, Run.attempt
        query = select(*columns).where(
            Run.experiment_id == self.experiment, Run.status.not_in(ENDED)
        )
        return self.stand.rows(query)

    def epochs(self) -> int:
        """Return the epochs that are recorded, of all runs there are."""
        return int(self.stand.rows(select(func.coalesce(func.sum(Run.epoch), 0)))[0][0])

    def had_by(self, worker: Process) -> dict[int, int]:
        """Return the runs that a worker holds, each with its last recorded epoch."""
        return {row.id: row.epoch for row in self.unended() if trains(worker, row)}

    def attempts(self) -> dict[int, int]:
        """Return the attempt under which each run is trained that is."""
        return {row.id: row.attempt for row in self.unended() if row.status == "running"}

    def none_lost(self, held: Mapping[int, int]) -> None:
        """Assert that no worker lost a run that it had, given with its attempt."""
        now = {row.id: row.attempt for row in self.unended()}
        lost = [run_id for run_id in held if now.get(run_id, held[run_id]) != held[run_id]]
        assert not lost, f"workers lost the runs {lost}. {self.stand.said()}"

    def until_gone_on(self, had: Mapping[int, int]) -> float:
        """Return the seconds until each of some runs has a new epoch, or has ended."""
        return self.until(lambda: self.gone_on(had))

    def gone_on(self, had: Mapping[int, int]) -> bool:
        """Whether each of some runs, given with its epoch, has a new one, or has ended."""
        now = {row.id: row.epoch for row in self.unended()}
        return all(now.get(run_id, epoch + 1) > epoch for run_id, epoch in had.items())

    def until_taken_up(self, experiment: int) -> float:
        """Return the seconds until a run of another experiment is begun."""
        begun = select(Run.id).where(Run.experiment_id == experiment, Run.started_at.is_not(None))
        return self.until(lambda: self.stand.rows(begun))

    def until_recorded(self, before: int) -> float:
        """Return the seconds until more epochs are recorded, or all runs have ended."""
        return self.until(lambda: self.epochs() > before or not self.unended())

    def until(self, goes_on: Callable[[], object]) -> float:
        """Return the seconds from now until something is so."""
        begun = time.monotonic()
        wait_for(goes_on, self.stand.said)
        return time.monotonic() - begun


def trains(worker: Process, row: Any) -> bool:
    """Whether a worker holds the run of a row."""
    return row.status == "running" and str(row.worker).endswith(f":{worker.pid}")
