"""Trains claimed runs: from the queue's ids to ended runs, whatever happens on the way."""

import logging
import math
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from backend.analysis.early_stopping import Criterion, build, early_stop_step
from backend.hints import Hints
from backend.settings import Settings
from backend.spec import RunSpec
from backend.store import Database, changes, metrics, snapshots, transitions
from backend.store.changes import NewChange
from backend.store.states import State
from backend.store.transitions import Claimed
from worker.heartbeat import Heartbeat
from worker.recorder import MAX_BACKLOG, Held, Recorder
from worker.stopping import Stopping
from worker.training.group import EpochResult, Failure, Group, Interrupted

logger = logging.getLogger(__name__)

CHECKPOINT_SHARE = 100  # training lasts at least so many times as long as taking a checkpoint


@dataclass(frozen=True)
class Services:
    """What training needs of the world."""

    settings: Settings
    database: Database
    hints: Hints
    device: torch.device
    stopping: Stopping


@dataclass(kw_only=True)
class Job(Held):
    """A held run while it is trained. `recorded` is the last epoch in the database."""

    spec: RunSpec
    recorded: int
    rule: Criterion
    fired: bool = False


def train(run_ids: Sequence[int], services: Services) -> None:
    """Claim those of `run_ids` that wait, and train them until they end or the worker stops."""
    jobs, checkpoints = _take_up(services, run_ids)
    heartbeat = Heartbeat(
        services.database,
        lambda: [job.lease for job in list(jobs.values())],
        lease_seconds=services.settings.lease_seconds,
    )
    with heartbeat:
        group = Group(
            [job.spec for job in jobs.values()],
            services.device,
            checkpoints=checkpoints,
            interrupted=lambda: services.stopping.overdue or heartbeat.useless,
        )
        trainer = Trainer(services, jobs, group)
        try:
            trainer.run()
        except SQLAlchemyError:
            raise  # no fault of the runs: their leases end, and another worker takes them up
        except Exception as error:
            logger.exception("the group could not be trained")
            trainer.fail(error)


class Trainer:
    """Trains a group whose members are held runs, and has them recorded."""

    def __init__(self, services: Services, jobs: dict[int, Job], group: Group) -> None:
        self._services, self._jobs, self._group = services, jobs, group
        settings = services.settings
        self._recorder = Recorder(
            services.database,
            services.hints,
            record_seconds=settings.record_seconds,
            lease_seconds=settings.lease_seconds,
        )
        self._checkpoint_at = time.monotonic() + settings.checkpoint_seconds
        self._between_epochs = True
        self._ended = False  # whether a run ended and that is not written yet

    def run(self) -> None:
        """Train until every run has ended, or the worker stops."""
        self._open()
        while not self._group.idle and not self._services.stopping.asked:
            try:
                results = self._group.epoch()
            except Interrupted:
                self._between_epochs = False
                break
            for result in results:
                self._take(result)
            self._record()
        self._hand_back()
        while self._jobs and not self._write() and not self._services.stopping.asked:
            time.sleep(self._recorder.seconds_until_due())

    def fail(self, error: Exception) -> None:
        """End what has not ended as failed."""
        for index in list(self._jobs):
            self._end(index, "failed", error=_sentence(error))
        self._write()

    def _open(self) -> None:
        """Have what is known before the first epoch recorded."""
        for index in self._group.active:
            unwritten = self._jobs[index].unwritten
            unwritten.reference_loss = self._group.reference_loss(index)
            unwritten.samples = self._group.samples(index)
        self._write()

    def _take(self, result: EpochResult | Failure) -> None:
        """Judge one member's epoch: go on, or end the run."""
        job = self._jobs[result.index]
        if isinstance(result, Failure):
            logger.error("run %d failed", job.lease.run_id, exc_info=result.error)
            self._end(result.index, "failed", error=_sentence(result.error))
            return
        if result.epoch > job.recorded:
            job.unwritten.results.append(result)
        train_loss, validation_loss = result.metrics["train_loss"], result.metrics["val_loss"]
        if not job.fired and job.rule.update(
            result.epoch, _known(train_loss), _known(validation_loss)
        ):
            job.fired, job.unwritten.early_stop_epoch = True, result.epoch
        if not math.isfinite(train_loss):
            error = f"Diverged at epoch {result.epoch}: train loss is not finite."
            self._end(result.index, "failed", error=error)
        elif result.epoch >= job.spec.training.epochs or (
            job.fired and job.spec.early_stopping.action == "stop"
        ):
            self._end(result.index, "finished")

    def _end(self, index: int, state: State, *, error: str | None = None) -> None:
        unwritten = self._jobs[index].unwritten
        unwritten.ending, unwritten.error = state, error
        self._ended = True
        if index not in self._group.active:
            return
        taken = self._group.snapshots(index)
        # of a run that diverged, the last weights are of no use and the best ones all the more
        unwritten.snapshots = [one for one in taken if state != "failed" or one.kind == "best"]
        self._group.drop(index)

    def _hand_back(self) -> None:
        """Give what has not ended back to the queue, to be continued from here."""
        for index in self._group.active:
            unwritten = self._jobs[index].unwritten
            unwritten.ending = "queued"
            if self._between_epochs:
                unwritten.checkpoint = self._group.checkpoint(index)
                unwritten.snapshots = self._group.snapshots(index)

    def _record(self) -> None:
        """Write if it is time to, or if a run ended; wait if too much is unwritten."""
        if self._recorder.due or (self._ended and not self._recorder.failing):
            self._checkpoint()
            self._write()
        while self._recorder.failing and self._backlog() > MAX_BACKLOG:
            if self._services.stopping.asked:
                return
            time.sleep(self._recorder.seconds_until_due())
            self._write()

    def _backlog(self) -> int:
        return sum(len(job.unwritten.results) for job in self._jobs.values())

    def _checkpoint(self) -> None:
        """Take checkpoints and snapshots if it is time to."""
        started = time.monotonic()
        if started < self._checkpoint_at:
            return
        for index in self._group.active:
            unwritten = self._jobs[index].unwritten
            unwritten.checkpoint = self._group.checkpoint(index)
            unwritten.snapshots = self._group.snapshots(index)
        taken = time.monotonic()
        pause = max(
            self._services.settings.checkpoint_seconds, CHECKPOINT_SHARE * (taken - started)
        )
        self._checkpoint_at = taken + pause

    def _write(self) -> bool:
        """Write what is unwritten; forget what ended or was lost. False: the database is away."""
        ended = {index for index, job in self._jobs.items() if job.unwritten.ending is not None}
        held = self._recorder.write(list(self._jobs.values()))
        if held is None:
            return False
        self._ended = False
        for index, job in list(self._jobs.items()):
            run_id = job.lease.run_id
            if index in ended or run_id not in held:
                self._forget(index)
            elif held[run_id]:
                self._end(index, "cancelled")
        return True

    def _forget(self, index: int) -> None:
        del self._jobs[index]
        if index in self._group.active:
            self._group.drop(index)


def _take_up(services: Services, run_ids: Sequence[int]) -> tuple[dict[int, Job], dict[int, bytes]]:
    """Claim runs; return them by index, and the checkpoints of those that were trained before."""
    jobs, found = {}, {}
    for index, run in enumerate(_claim(services, run_ids)):
        spec = RunSpec.from_params(run.params)
        stopping = spec.early_stopping
        rule = build(stopping.criterion, **stopping.settings())
        jobs[index] = Job(lease=run.lease, spec=spec, recorded=run.epoch, rule=rule)
        with services.database.read() as session:
            checkpoint = snapshots.checkpoint(session, run.lease.run_id)
            if checkpoint is not None:
                found[index] = checkpoint.tensors
                jobs[index].fired = _replay(session, run.lease.run_id, rule, checkpoint.epoch)
    return jobs, found


def _claim(services: Services, run_ids: Sequence[int]) -> Sequence[Claimed]:
    worker = f"{socket.gethostname()}:{os.getpid()}"
    lease_seconds = services.settings.lease_seconds
    with services.database.write() as session:
        claimed = transitions.claim(session, run_ids, worker=worker, lease_seconds=lease_seconds)
        leases = [run.lease for run in claimed]
        moved = changes.log_each(
            session, [(each.experiment_id, NewChange(each.run_id, "status")) for each in leases]
        )
    for experiment_id in moved:
        services.hints.moved(experiment_id)
    return claimed


def _replay(session: Session, run_id: int, rule: Criterion, epoch: int) -> bool:
    """Show the rule the losses up to an epoch; return whether it fired."""
    keys = ["train_loss", "val_loss"]
    train, validation = metrics.series(session, run_id, keys, last_step=epoch).values()
    losses = zip(
        validation.steps, map(_known, train.values), map(_known, validation.values), strict=True
    )
    return early_stop_step(rule, losses) is not None


def _known(loss: float | None) -> float:
    """Return a loss as the database gives it back: what is not finite is NaN."""
    return loss if loss is not None and math.isfinite(loss) else math.nan


def _sentence(error: Exception) -> str:
    """Say in one sentence why a run could not be trained."""
    first_line = next(iter(str(error).splitlines()), "").rstrip(".")
    return f"Training failed unexpectedly: {type(error).__name__}: {first_line}."
