"""Training of one group: epochs, their consequences for each run, checkpoints and snapshots."""

import logging
import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from backend.diagnosis import rules
from backend.runs.states import State
from backend.store.transitions import Lease
from worker.leases import Job, finite_or_nan
from worker.recorder import MAX_BACKLOG, Recorder
from worker.services import Services
from worker.training.device import is_out_of_memory, release
from worker.training.ensemble import Interrupted, ModelVersion
from worker.training.group import EpochResult, Failure, Group
from worker.training.model_files import records_at

EndState = tuple[State, str | None]
"""The state in which a run ends and, for a failed run, a sentence that explains why."""


def epoch_outcome(job: Job, result: EpochResult) -> EndState | None:
    """Record an epoch of a run; return the state in which the run ends, None if it continues."""
    if result.epoch > job.recorded:
        job.unwritten.results.append(result)
    train_loss = finite_or_nan(result.metrics["train_loss"])
    validation_loss = finite_or_nan(result.metrics["val_loss"])
    if not job.fired and job.rule.update(result.epoch, train_loss, validation_loss):
        job.fired, job.unwritten.early_stop_epoch = True, result.epoch
    if reason := rules.divergence_reason(result.metrics["train_loss"], job.constant_loss):
        return "failed", f"Diverged at epoch {result.epoch}: {reason}."
    stops = job.fired and job.spec.early_stopping.action == "stop"
    if stops or result.epoch >= job.spec.training.epochs:
        return "finished", None
    return None


def needs_frame(job: Job, epoch: int) -> bool:
    """Return whether to keep a frame: at selected epochs and where early stopping fires."""
    frames = job.frame_epochs
    return bool(frames) and (epoch in frames or epoch == job.unwritten.early_stop_epoch)


def failure_sentence(error: Exception) -> str:
    """Return a sentence that says why a run could not be trained."""
    first_line = next(iter(str(error).splitlines()), "").rstrip(".")
    return f"Training failed unexpectedly: {type(error).__name__}: {first_line}."


logger = logging.getLogger(__name__)

TRAINING_PER_CHECKPOINT = 100  # pause as a multiple of the time of a checkpoint, which takes 1 %


class Trainer:
    """Trains jobs as one group and records them.

    Runs that have ended are removed from `jobs` and `leases`.
    """

    def __init__(self, services: Services, jobs: dict[int, Job], leases: dict[int, Lease]) -> None:
        self._services, self._jobs, self._leases = services, jobs, leases
        self._group: Group | None = None
        settings = services.settings
        self._recorder = Recorder(
            services.database,
            services.notifier,
            record_seconds=settings.record_seconds,
            lease_seconds=settings.lease_seconds,
        )
        self._checkpoint_at = time.monotonic() + settings.checkpoint_seconds

    def run(self, interrupted: Callable[[], bool]) -> None:
        """Train until every run has ended or the worker stops."""
        group: Group | None = None
        while not (group and group.idle) and not self._services.shutdown.requested:
            group = group or self._begin(interrupted)
            try:
                results = group.epoch()
            except Interrupted:
                group = None  # its weights lie between two epochs and are unusable
                break
            self._process(group, results)
            self._record(group)
        self._hand_back(group)
        self.flush()

    def _begin(self, interrupted: Callable[[], bool]) -> Group:
        """Create the group and record everything that is known before the first epoch."""
        jobs = self._jobs
        checkpoints = {i: job.checkpoint for i, job in jobs.items() if job.checkpoint is not None}
        for job in jobs.values():
            job.checkpoint = None
        specs = [job.spec for job in jobs.values()]
        group = self._group = Group(
            specs, self._services.device, checkpoints=checkpoints, interrupted=interrupted
        )
        for index in group.active:
            job = jobs[index]
            if index in checkpoints:
                logger.info("run continues", extra=job.lease.ids | {"recorded": job.recorded})
            job.constant_loss = job.unwritten.reference_loss = group.reference_loss(index)
            job.unwritten.samples = group.samples(index)
        self._write()
        return group

    def flush(self) -> None:
        """Write until all results are stored or the worker has to stop."""
        while self._jobs and not self._write() and not self._services.shutdown.requested:
            time.sleep(self._recorder.seconds_until_due())

    def fail(self, sentence: str) -> None:
        """End all remaining runs as failed, with the models known so far."""
        unfinished = [index for index, job in self._jobs.items() if job.unwritten.ending is None]
        end_states: dict[int, EndState] = dict.fromkeys(unfinished, ("failed", sentence))
        try:
            self._end(end_states)
        except Exception:
            ids = log_fields(job.lease for job in self._jobs.values())
            logger.exception("could not record the models of failed runs", extra=ids)
            self._group = None
            self._end(end_states)
        self.flush()

    def release_group(self) -> None:
        """Drop the group and free its memory."""
        self._group = None
        release(self._services.device)

    def _process(self, group: Group, results: Sequence[EpochResult | Failure]) -> None:
        """Record the results of an epoch; end the runs that it completes."""
        due = {
            result.index
            for result in results
            if isinstance(result, EpochResult) and records_at(result.epoch)
        }
        self._add_predictions(group, due & self._jobs.keys(), "last")
        end_states: dict[int, EndState] = {}
        frame_epochs: dict[int, int] = {}  # epochs by members whose fit is to be kept
        for result in results:
            job = self._jobs.get(result.index)
            if job is None:
                continue
            if isinstance(result, Failure):
                if is_out_of_memory(result.error):
                    raise result.error
                logger.error("run failed", extra=job.lease.ids, exc_info=result.error)
                end_states[result.index] = "failed", failure_sentence(result.error)
            elif ending := epoch_outcome(job, result):
                end_states[result.index] = ending
            elif needs_frame(job, result.epoch):
                frame_epochs[result.index] = result.epoch
        if frame_epochs:
            for index, frame in group.frames(frame_epochs).items():
                self._jobs[index].unwritten.frames.append((frame_epochs[index], frame))
        if end_states:
            self._end(end_states)

    def _add_predictions(
        self,
        group: Group,
        indices: Container[int],
        version: ModelVersion,
        *,
        pictured: bool = False,
    ) -> None:
        """Record the predictions of the models of some members for the test samples."""
        for index, predictions in group.predictions(indices, version, pictured=pictured).items():
            self._jobs[index].unwritten.predictions.append(predictions)

    def _end(self, end_states: Mapping[int, EndState]) -> None:
        """End runs in the given states."""
        group = self._group
        active = set(end_states) & set(group.active) if group else set()
        # first, because memory may run out here: then no run has ended yet
        snapshots = {index: group.snapshots(index) for index in active} if group else {}
        if group:
            self._add_predictions(group, active, "best")
            self._add_predictions(
                group, {i for i in active if end_states[i][0] != "failed"}, "last", pictured=True
            )
        for index, (state, error) in end_states.items():
            unwritten = self._jobs[index].unwritten
            unwritten.ending, unwritten.error = state, error
            # the last weights of a failed run are useless, but the best are not
            unwritten.snapshots = [
                snapshot
                for snapshot in snapshots.get(index, ())
                if state != "failed" or snapshot.kind == "best"
            ]
        if group:
            group.drop(*active)

    def _hand_back(self, group: Group | None) -> None:
        """Return unfinished runs to the queue, with a checkpoint of their current state."""
        for index, job in self._jobs.items():
            if job.unwritten.ending is None:
                job.unwritten.ending = "queued"
                if group:
                    _add_checkpoint(job, group, index)

    def _record(self, group: Group) -> None:
        """Write if a write is due; wait if too many epochs are unwritten."""
        if self._recorder.due:
            self._checkpoint(group)
            self._write()
        while self._recorder.failing and self._backlog() > MAX_BACKLOG:
            if self._services.shutdown.requested:
                return
            time.sleep(self._recorder.seconds_until_due())
            self._write()

    def _backlog(self) -> int:
        return sum(len(job.unwritten.results) for job in self._jobs.values())

    def _checkpoint(self, group: Group) -> None:
        """Take checkpoints and snapshots if they are due."""
        started = time.monotonic()
        if started < self._checkpoint_at:
            return
        for index in group.active:
            _add_checkpoint(self._jobs[index], group, index)
        taken = time.monotonic()
        pause = max(
            self._services.settings.checkpoint_seconds, TRAINING_PER_CHECKPOINT * (taken - started)
        )
        self._checkpoint_at = taken + pause

    def _write(self) -> bool:
        """Write unwritten results and forget runs that have ended or are lost.

        Returns False if the database is unreachable.
        """
        endings = {index: job.unwritten.ending for index, job in self._jobs.items()}
        ended_indices = {index for index, ending in endings.items() if ending is not None}
        epochs = {job.lease.run_id: len(job.unwritten.results) for job in self._jobs.values()}
        cancel_by_run = self._recorder.write(list(self._jobs.values()))
        if cancel_by_run is None:
            return False
        self._services.activity.add(sum(epochs[run_id] for run_id in cancel_by_run))
        gone: list[int] = []
        end_states: dict[int, EndState] = {}
        for index, job in list(self._jobs.items()):
            run_id = job.lease.run_id
            if index in ended_indices or run_id not in cancel_by_run:
                _log_release(job, endings.get(index) if run_id in cancel_by_run else None)
                del self._jobs[index]
                self._leases.pop(run_id, None)
                gone.append(index)
            elif cancel_by_run[run_id]:
                end_states[index] = "cancelled", None
        if self._group:
            self._group.drop(*set(gone) & set(self._group.active))
        self._end(end_states)
        return True


def _log_release(job: Job, ending: State | None) -> None:
    """Log how this worker released a run."""
    how = "lost to another worker" if ending is None else ending
    logger.info("run released", extra=job.lease.ids | {"state": how})


def log_fields(leases: Iterable[Lease]) -> dict[str, object]:
    """Return the fields of a log line about runs that are trained together."""
    listed = list(leases)
    return {
        "experiments": sorted({lease.experiment_id for lease in listed}),
        "runs": sorted(lease.run_id for lease in listed),
    }


def _add_checkpoint(job: Job, group: Group, index: int) -> None:
    """Record the current state of a run."""
    job.unwritten.checkpoint = group.checkpoint(index)
    job.unwritten.snapshots = group.snapshots(index)
