"""Leases of this worker: claiming runs, resuming them from a checkpoint, and renewing leases."""

import logging
import math
import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from backend.diagnosis.stopping_rules import Criterion, build, early_stop_step
from backend.series import Series
from backend.specification import RunSpec
from backend.store import Database, artifacts, changes, metrics, reason, runs, transitions
from backend.store.changes import NewChange
from backend.store.transitions import Claimed, Lease
from worker.recorder import HeldRun
from worker.services import Services
from worker.training.fits import frame_epochs

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Job(HeldRun):
    """A held run in training. `recorded` is the last epoch in the database."""

    spec: RunSpec
    recorded: int
    rule: Criterion
    frame_epochs: frozenset[int] = frozenset()
    checkpoint: bytes | None = None
    fired: bool = False
    constant_loss: float = math.inf  # validation loss of a constant prediction


def claim(services: Services, run_ids: Sequence[int]) -> list[Claimed]:
    """Take the leases of those of `run_ids` that are queued, in their order."""
    worker = f"{socket.gethostname()}:{os.getpid()}"
    lease_seconds = services.settings.lease_seconds
    with services.database.write() as session:
        claimed = transitions.claim(session, run_ids, worker=worker, lease_seconds=lease_seconds)
        leases = [run.lease for run in claimed]
        experiment_ids = changes.log_each(
            session, [(lease.experiment_id, NewChange(lease.run_id, "status")) for lease in leases]
        )
    for experiment_id in experiment_ids:
        services.notifier.notify(experiment_id)
    return claimed


def resume(database: Database, claimed: Sequence[Claimed]) -> list[Job]:
    """Return jobs for claimed runs, which continue from their checkpoint if they have one."""
    run_ids = [run.lease.run_id for run in claimed]
    with database.read() as session:
        epochs = runs.epochs(session, run_ids)
        checkpoints = artifacts.checkpoints(session, run_ids)
        curves = metrics.series_of(session, list(checkpoints), ["train_loss", "val_loss"])
    jobs = []
    for run in claimed:
        run_id, spec = run.lease.run_id, RunSpec.from_params(run.params)
        stopping = spec.early_stopping
        rule = build(stopping.criterion, **stopping.settings())
        job = Job(lease=run.lease, spec=spec, recorded=epochs[run_id], rule=rule)
        job.frame_epochs = frame_epochs(spec)
        if run_id in checkpoints:
            epoch, job.checkpoint = checkpoints[run_id]
            job.fired = _replay(rule, curves[run_id], epoch)
        jobs.append(job)
    return jobs


def _replay(rule: Criterion, recorded: Mapping[str, Series], epoch: int) -> bool:
    """Update the rule with the losses up to an epoch; return whether it fired."""
    train, validation = recorded["train_loss"], recorded["val_loss"]
    until = validation.take(validation.between(None, epoch))
    columns = (train.values_at(until.steps).tolist(), until.values.tolist())
    losses = zip(
        until.steps.tolist(), *(map(finite_or_nan, column) for column in columns), strict=True
    )
    return early_stop_step(rule, losses) is not None


def finite_or_nan(loss: float | None) -> float:
    """Return a loss as the database returns it: NaN if it is not finite."""
    return loss if loss is not None and math.isfinite(loss) else math.nan


class Heartbeat(threading.Thread):
    """Renews the leases three times per lease duration, in parallel to training.

    `useless` becomes true once no run is left to train, because all were cancelled or lost to other
    workers.
    """

    def __init__(
        self, database: Database, leases: Callable[[], Sequence[Lease]], *, lease_seconds: float
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._database, self._leases = database, leases
        self._lease_seconds = lease_seconds
        self._ended = threading.Event()
        self.useless = False

    def run(self) -> None:
        """Renew until the end; failures, such as an unreachable database, are retried."""
        while not self._ended.wait(self._lease_seconds / 3):
            try:
                self.beat()
            except SQLAlchemyError as error:
                logger.warning("could not renew leases; retrying: %s", reason(error))
            except Exception:  # without this thread all leases would expire
                logger.exception("could not renew leases; retrying")

    def beat(self) -> None:
        """Renew all leases once."""
        leases = self._leases()
        with self._database.write() as session:
            held = transitions.renew(session, leases, lease_seconds=self._lease_seconds)
        self.useless = bool(leases) and all(held.values())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self.join()
