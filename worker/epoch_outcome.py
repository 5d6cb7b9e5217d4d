"""The consequence of an epoch for its run: it continues or ends, and whether it gets a frame."""

from backend.diagnosis import breakdown
from backend.runs.states import State
from worker.claims import Job, finite_or_nan
from worker.training.group import EpochResult

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
    if reason := breakdown.divergence_reason(result.metrics["train_loss"], job.constant_loss):
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
