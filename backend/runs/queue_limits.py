"""Limits of the queue: how many runs may wait, in all and of one token."""

from sqlalchemy.orm import Session

from backend.access.identity import current_identity
from backend.errors import TooManyRequests
from backend.limits import Limits
from backend.store import experiments, runs

RETRY_SECONDS = 60  # until some of the runs have been trained


def check_queue(session: Session, added: int, limits: Limits) -> None:
    """Check that `added` runs may be queued. Raises TooManyRequests.

    Call it in the transaction that adds them.
    """
    _check_all(session, current_identity().name, 0, added, limits)


def check_requeued(session: Session, experiment_id: int, requeued: int, limits: Limits) -> None:
    """Check that runs of an experiment, which are queued already, may be. Raises TooManyRequests.

    Call it in the transaction that queues them, which then ends without them.
    """
    if requeued:
        owner = experiments.get(session, experiment_id).owner
        _check_all(session, owner, requeued, requeued, limits)


def _check_all(
    session: Session, owner: str | None, counted: int, added: int, limits: Limits
) -> None:
    """Check both limits. `counted` of the `added` runs are in the queue already."""
    waiting = runs.count_unended(session).get("queued", 0)
    _check(waiting - counted, added, limits.max_queued_runs, "")
    waiting = runs.count_queued_of(session, owner)
    _check(waiting - counted, added, limits.max_queued_runs_per_token, "_PER_TOKEN")


def _check(waiting: int, added: int, most: int, suffix: str) -> None:
    if waiting + added > most:
        whose = " of this token" if suffix else ""
        raise TooManyRequests(
            f"{waiting:,} runs{whose} are waiting, and {added:,} more would exceed "
            f"LAB_MAX_QUEUED_RUNS{suffix} ({most:,}); wait or cancel some.",
            RETRY_SECONDS,
        )
