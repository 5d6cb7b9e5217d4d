"""Claiming queued runs, and resuming runs that were trained before from their checkpoints."""

import math
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.diagnosis.stopping_rules import Criterion, build, early_stop_step
from backend.series import Series
from backend.specification import RunSpec
from backend.store import Database, artifacts, changes, metrics, runs, transitions
from backend.store.changes import NewChange
from backend.store.transitions import Claimed
from worker.recorder import HeldRun
from worker.services import Services
from worker.training.fits import frame_epochs


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
