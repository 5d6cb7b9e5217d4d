"""What an epoch means for its run: go on, or end; and whether its fit is to be kept."""

from backend.diagnosis import breakdown
from backend.runs.states import State
from worker.claims import Job, known
from worker.training.group import EpochResult


def judge(job: Job, result: EpochResult) -> tuple[State, str | None] | None:
    """Take note of an epoch of a run; return how the run ends, None if it goes on."""
    if result.epoch > job.recorded:
        job.unwritten.results.append(result)
    train_loss, validation_loss = result.metrics["train_loss"], result.metrics["val_loss"]
    if not job.fired and job.rule.update(result.epoch, known(train_loss), known(validation_loss)):
        job.fired, job.unwritten.early_stop_epoch = True, result.epoch
    if reason := breakdown.divergence_reason(train_loss, job.constant_loss):
        return "failed", f"Diverged at epoch {result.epoch}: {reason}."
    stops = job.fired and job.spec.early_stopping.action == "stop"
    if stops or result.epoch >= job.spec.training.epochs:
        return "finished", None
    return None


def is_watched(job: Job, epoch: int) -> bool:
    """Whether a frame of the fit is to be kept: at some epochs, and where early stopping fires."""
    return bool(job.watched) and (epoch in job.watched or epoch == job.unwritten.early_stop_epoch)
