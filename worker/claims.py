"""Takes runs up: claims those that wait, and finds where those that were trained before go on."""

import math
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.diagnosis.early_stopping import Criterion, build, early_stop_step
from backend.series import Series
from backend.specification import RunSpec
from backend.store import Database, artifacts, changes, metrics, runs, transitions
from backend.store.changes import NewChange
from backend.store.transitions import Claimed
from worker.recorder import Held
from worker.services import Services
from worker.training.frames import frame_epochs


@dataclass(kw_only=True)
class Job(Held):
    """A held run while it is trained. `recorded` is the last epoch in the database."""

    spec: RunSpec
    recorded: int
    rule: Criterion
    watched: frozenset[int] = frozenset()  # epochs at which a frame of the fit is taken
    checkpoint: bytes | None = None
    fired: bool = False
    constant_loss: float = math.inf  # of always giving the same answer


def claim(services: Services, run_ids: Sequence[int]) -> list[Claimed]:
    """Take the leases of those of `run_ids` that wait, in their order."""
    worker = f"{socket.gethostname()}:{os.getpid()}"
    lease_seconds = services.settings.lease_seconds
    with services.database.write() as session:
        claimed = transitions.claim(session, run_ids, worker=worker, lease_seconds=lease_seconds)
        leases = [run.lease for run in claimed]
        moved = changes.log_each(
            session, [(each.experiment_id, NewChange(each.run_id, "status")) for each in leases]
        )
    for experiment_id in moved:
        services.notifier.notify(experiment_id)
    return claimed


def take_up(database: Database, claimed: Sequence[Claimed]) -> list[Job]:
    """Return claimed runs as they are to be trained, from their checkpoint if they have one."""
    run_ids = [each.lease.run_id for each in claimed]
    with database.read() as session:
        epochs = runs.epochs(session, run_ids)
        checkpoints = artifacts.checkpoints(session, run_ids)
        curves = metrics.series_of(session, list(checkpoints), ["train_loss", "val_loss"])
    jobs = []
    for each in claimed:
        run_id, spec = each.lease.run_id, RunSpec.from_params(each.params)
        stopping = spec.early_stopping
        rule = build(stopping.criterion, **stopping.settings())
        job = Job(lease=each.lease, spec=spec, recorded=epochs[run_id], rule=rule)
        job.watched = frame_epochs(spec)
        if run_id in checkpoints:
            epoch, job.checkpoint = checkpoints[run_id]
            job.fired = _replay(rule, curves[run_id], epoch)
        jobs.append(job)
    return jobs


def _replay(rule: Criterion, recorded: Mapping[str, Series], epoch: int) -> bool:
    """Show the rule the losses up to an epoch; return whether it fired."""
    train, validation = recorded["train_loss"], recorded["val_loss"]
    until = validation.take(validation.between(None, epoch))
    columns = (train.values_at(until.steps).tolist(), until.values.tolist())
    losses = zip(until.steps.tolist(), *(map(known, column) for column in columns), strict=True)
    return early_stop_step(rule, losses) is not None


def known(loss: float | None) -> float:
    """Return a loss as the database gives it back: what is not finite is NaN."""
    return loss if loss is not None and math.isfinite(loss) else math.nan
