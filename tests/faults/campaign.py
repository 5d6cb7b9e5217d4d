"""Fault campaign: injects a fault repeatedly at random moments while experiments train."""

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
from tests.faults.deployment import Deployment
from tests.faults.experiments import DOCUMENT
from tests.faults.processes import Process
from tests.faults.results import FaultResults
from tests.faults.verification import Curve, compare_with_undisturbed, find_problems
from tests.product import wait_for

FAULTS_PER_COMPARISON = 5  # then the experiment may end: faults in quick succession prevent that
LONGEST_PAUSE_SECONDS = 1.0  # between the recovery and the next fault


@dataclass
class Campaign:
    """Repeated injection of one fault. The curves of every experiment must equal `expected`.

    Runs may fail with an error that begins with one of `accepted_errors`; they are then retried.
    """

    deployment: Deployment
    results: FaultResults
    random: Random
    expected: Sequence[Curve]
    document: Mapping[str, Any] = field(default_factory=lambda: DOCUMENT)
    accepted_errors: Sequence[str] = (LOST,)
    experiment: int = 0

    def run(self, count: int, inject: Callable[["Campaign"], float | None]) -> None:
        """Inject a fault `count` times; `inject` returns the recovery time in seconds if it hit."""
        while self.results.injections < count:
            self.ensure_training()
            time.sleep(self.random.uniform(0, LONGEST_PAUSE_SECONDS))
            seconds = inject(self)
            self.results.injections += 1
            if seconds is not None:
                self.results.hits += 1
                self.results.recoveries.append(seconds)
            if self.results.injections % FAULTS_PER_COMPARISON == 0:
                self.finish()
        self.finish()

    def ensure_training(self) -> None:
        """Submit an experiment unless one is training. Compare the curves of the previous one."""
        if self.experiment and not self.unfinished_runs() and not self.retry_failed_runs():
            self.compare_curves()
        if not self.experiment:
            self.experiment = self.deployment.submit(self.document)
        wait_for(
            lambda: self.training_workers() or not self.unfinished_runs(),
            self.deployment.recent_logs,
        )

    def training_workers(self) -> list[Process]:
        """Return the workers that are training runs of the experiment."""
        workers, rows = self.deployment.workers, self.unfinished_runs()
        return [worker for worker in workers if any(is_training_run(worker, row) for row in rows)]

    def finish(self) -> None:
        """Wait until the last experiment has ended, and compare its curves."""
        if self.experiment:
            wait_for(
                lambda: not self.unfinished_runs() and not self.retry_failed_runs(),
                self.deployment.recent_logs,
                seconds=300,
            )
            self.compare_curves()

    def retry_failed_runs(self) -> bool:
        """Retry runs that failed with an accepted error; return whether there were any.

        A run fails when it lost three workers in a row before an epoch: it might kill its workers.
        """
        query = select(Run.error).where(
            Run.experiment_id == self.experiment, Run.status == "failed"
        )
        failed = self.deployment.rows(query)
        if failed:
            errors = [
                error for (error,) in failed if not error.startswith(tuple(self.accepted_errors))
            ]
            assert not errors, f"{errors}. {self.deployment.recent_logs()}"
            response = httpx.post(f"{self.deployment.url}/api/experiments/{self.experiment}/retry")
            response.raise_for_status()
            self.results.retried += len(failed)
        return bool(failed)

    def compare_curves(self) -> None:
        """Compare every curve with the undisturbed curve, and check all data with `lab doctor`."""
        self.results.epochs += compare_with_undisturbed(
            self.deployment, self.experiment, self.expected
        )
        self.results.runs += len(self.expected)
        assert not (problems := find_problems(self.deployment)), problems
        self.results.examined += 1
        self.experiment = 0

    def unfinished_runs(self) -> list[Any]:
        """Return id, status, epoch, worker and attempt of the runs that have not ended."""
        columns = Run.id, Run.status, Run.epoch, Run.worker, Run.attempt
        query = select(*columns).where(
            Run.experiment_id == self.experiment, Run.status.not_in(ENDED)
        )
        return self.deployment.rows(query)

    def recorded_epochs(self) -> int:
        """Return the number of recorded epochs, over all runs."""
        return int(self.deployment.rows(select(func.coalesce(func.sum(Run.epoch), 0)))[0][0])

    def runs_of_worker(self, worker: Process) -> dict[int, int]:
        """Return the last recorded epoch of each run that a worker holds, by run id."""
        return {row.id: row.epoch for row in self.unfinished_runs() if is_training_run(worker, row)}

    def attempts(self) -> dict[int, int]:
        """Return the attempt of each running run, by run id."""
        return {row.id: row.attempt for row in self.unfinished_runs() if row.status == "running"}

    def assert_no_run_lost(self, attempts: Mapping[int, int]) -> None:
        """Assert that the runs are still trained under the same attempts (by run id)."""
        now = {row.id: row.attempt for row in self.unfinished_runs()}
        lost = [run for run, attempt in attempts.items() if now.get(run, attempt) != attempt]
        assert not lost, f"workers lost the runs {lost}. {self.deployment.recent_logs()}"

    def wait_for_progress(self, epochs: Mapping[int, int]) -> float:
        """Return the seconds until each run has passed its epoch in `epochs`, or has ended."""
        return self.measure_wait(lambda: self.has_progressed(epochs))

    def has_progressed(self, epochs: Mapping[int, int]) -> bool:
        """Return whether each run has passed its epoch in `epochs`, or has ended."""
        now = {row.id: row.epoch for row in self.unfinished_runs()}
        return all(now.get(run_id, epoch + 1) > epoch for run_id, epoch in epochs.items())

    def wait_until_started(self, experiment: int) -> float:
        """Return the seconds until a run of an experiment has started."""
        started = select(Run.id).where(Run.experiment_id == experiment, Run.started_at.is_not(None))
        return self.measure_wait(lambda: self.deployment.rows(started))

    def wait_until_recorded(self, epochs_before: int) -> float:
        """Return the seconds until more epochs are recorded, or all runs have ended."""
        return self.measure_wait(
            lambda: self.recorded_epochs() > epochs_before or not self.unfinished_runs()
        )

    def measure_wait(self, condition: Callable[[], object]) -> float:
        """Return the seconds until the condition holds."""
        begun = time.monotonic()
        wait_for(condition, self.deployment.recent_logs)
        return time.monotonic() - begun


def is_training_run(worker: Process, row: Any) -> bool:
    """Return whether the worker is training the run of a row."""
    return row.status == "running" and str(row.worker).endswith(f":{worker.pid}")
