"""kill -9 at random moments, again and again, while experiments train."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
from sqlalchemy import func, select

from backend.store.states import ENDED
from backend.store.tables import Run
from backend.store.transitions import LOST
from tests.faults.figures import Figures
from tests.faults.processes import Process
from tests.faults.stand import Stand
from tests.faults.truth import Curve, check, wrong
from tests.product import wait_for
from tests.specs import document

# Two groups of two runs, of which each takes a few seconds.
DOCUMENT = document(
    "moons",
    dataset__n_train=[20, 30, 40, 50],
    dataset__n_validation=30,
    dataset__n_test=30,
    model__width=4,
    training__epochs=2000,
)
SHORT = document("points", model__degree=3, training__epochs=5)
LONGEST_PAUSE_SECONDS = 1.0  # between the moment work goes on and the next fault


@dataclass
class Storm:
    """Faults of one kind on one stand. Every experiment is compared with `expected`."""

    stand: Stand
    figures: Figures
    random: Random
    expected: Sequence[Curve]
    experiment: int = 0
    checked: list[int] = field(default_factory=list)

    def run(self, count: int, strike: Callable[["Storm"], float | None]) -> None:
        """Strike so many times; `strike` returns the seconds it took to recover, if it hit."""
        while self.figures.faults < count:
            self.be_training()
            time.sleep(self.random.uniform(0, LONGEST_PAUSE_SECONDS))
            seconds = strike(self)
            self.figures.faults += 1
            if seconds is not None:
                self.figures.caught += 1
                self.figures.recovered(seconds)
        self.finish()

    def be_training(self) -> None:
        """Have an experiment that is not at its end; compare the one that is."""
        if self.experiment and not self.unended() and not self.retried():
            self.compare()
        if not self.experiment:
            self.experiment = self.stand.submit(DOCUMENT)
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
        """Retry runs that ended as failed since three workers in a row died before an epoch.

        That is how a run that kills its workers ends; a storm may look like it. Whether there was
        such a run.
        """
        query = select(Run.id).where(Run.experiment_id == self.experiment, Run.error == LOST)
        lost = self.stand.rows(query)
        if lost:
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
        """Return id, status, epoch and worker of the runs that have not ended."""
        columns = Run.id, Run.status, Run.epoch, Run.worker
        query = select(*columns).where(
            Run.experiment_id == self.experiment, Run.status.not_in(ENDED)
        )
        return self.stand.rows(query)

    def epochs(self) -> int:
        """Return the epochs that are recorded, of all runs there are."""
        return int(self.stand.rows(select(func.coalesce(func.sum(Run.epoch), 0)))[0][0])

    def until(self, goes_on: Callable[[], object]) -> float:
        """Return the seconds from now until something is so."""
        begun = time.monotonic()
        wait_for(goes_on, self.stand.said)
        return time.monotonic() - begun


def kill_a_worker(storm: Storm) -> float | None:
    """Kill a worker; recovered once each run it had has a new epoch, or has ended."""
    victim = storm.random.choice(storm.training() or storm.stand.workers)
    with _down(victim):
        had = {row.id: row.epoch for row in storm.unended() if trains(victim, row)}
    if not had:
        return None

    def go_on() -> bool:
        now = {row.id: row.epoch for row in storm.unended()}
        return all(now.get(run_id, epoch + 1) > epoch for run_id, epoch in had.items())

    return storm.until(go_on)


def kill_the_web(storm: Storm) -> float | None:
    """Kill the web service while somebody submits; recovered once it answers again."""
    answered = _submit_meanwhile(storm)
    with _down(storm.stand.web):
        pass
    seconds = storm.until(storm.stand.web_answers)
    if answered is not None:  # what was confirmed is there
        storm.stand.get(f"/api/experiments/{answered}")
    return seconds


def _submit_meanwhile(storm: Storm) -> int | None:
    """Submit a short experiment, often without waiting for the answer."""
    patience = storm.random.choice([0.005, 0.02, 0.1, 1.0])
    try:
        answer = httpx.post(f"{storm.stand.url}/api/experiments", json=SHORT, timeout=patience)
        return int(answer.json()["id"])
    except httpx.TransportError:
        return None


def kill_the_broker(storm: Storm) -> float | None:
    """Kill the broker; recovered once work that was submitted meanwhile is taken up."""
    with _down(storm.stand.broker):
        pass
    begun = time.monotonic()
    later = storm.stand.submit(SHORT)

    def taken_up() -> bool:
        rows = storm.stand.rows(select(Run.started_at).where(Run.experiment_id == later))
        return any(row.started_at is not None for row in rows)

    wait_for(taken_up, storm.stand.said)
    return time.monotonic() - begun


def kill_the_database(storm: Storm) -> float | None:
    """Kill the database; recovered once an epoch is recorded.

    SQLite has no process: whoever has the file open is killed, all in the same moment.
    PostgreSQL dies whole, or loses one of its processes and restarts the others itself.
    """
    stand = storm.stand
    before = storm.epochs()
    if stand.server is None:
        for part in stand.users_of_database:
            part.kill()
        for part in stand.users_of_database:
            part.start()
    elif storm.random.random() < 0.5:
        with _down(stand.server):
            pass
    else:
        storm.random.choice(stand.server.family()[1:]).kill()
    if not storm.unended():
        return None  # it had trained all there was
    return storm.until(lambda: storm.epochs() > before or not storm.unended())


KILLS: dict[str, Callable[[Storm], float | None]] = {
    "kill -9 of a worker": kill_a_worker,
    "kill -9 of the web service": kill_the_web,
    "kill -9 of the broker": kill_the_broker,
    "kill -9 of the database": kill_the_database,
}


@contextmanager
def _down(victim: Process) -> Iterator[None]:
    """Kill a process, and start it again at the end."""
    victim.kill()
    try:
        yield
    finally:
        victim.start()


def trains(worker: Process, row: Any) -> bool:
    return row.status == "running" and str(row.worker).endswith(f":{worker.pid}")
