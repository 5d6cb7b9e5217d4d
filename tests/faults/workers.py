"""Workers that receive SIGTERM, or are paused until other workers have their runs."""

import os
import signal
import time

from tests.faults.campaign import Campaign
from tests.faults.interruptions import paused
from tests.faults.processes import Process
from tests.product import wait_for

LEASE_LOST_MESSAGE = "lost to another worker"
# Limits until other workers have the runs of a paused worker. PostgreSQL ends an idle transaction
# after 30 s and a running statement after 120 s; in SQLite a paused worker may hold the write lock.
TAKEOVER_SECONDS, TAKEOVER_SECONDS_SQLITE = 150.0, 30.0
EXIT_SECONDS = 30.0


def terminate_worker(campaign: Campaign) -> float | None:
    """Send SIGTERM. The worker must release its runs before it ends; then it is restarted.

    Recovered when each run it held has a new epoch or has ended.
    """
    worker = campaign.random.choice(campaign.training_workers() or campaign.deployment.workers)
    epochs, begun = campaign.runs_of_worker(worker), time.monotonic()
    os.kill(worker.pid, signal.SIGTERM)
    wait_for(lambda: not worker.alive, campaign.deployment.recent_logs, EXIT_SECONDS)
    assert not (held := campaign.runs_of_worker(worker)), f"not released: {held}"
    worker.start()
    if not epochs:
        return None
    campaign.wait_for_progress(epochs)
    return time.monotonic() - begun


def pause_worker(campaign: Campaign) -> float | None:
    """Send SIGSTOP until others have taken its runs, then SIGCONT: its writes must be refused.

    Recovered when each of its runs has a new epoch or has ended, while it is paused. A worker that
    is paused within a write may block all others, and is then continued without this check.
    """
    worker = campaign.random.choice(campaign.training_workers() or campaign.deployment.workers)
    with paused(worker):
        epochs, begun = campaign.runs_of_worker(worker), time.monotonic()
        if epochs and not _taken_over(campaign, worker):
            return None
        if epochs:
            campaign.wait_for_progress(epochs)
        seconds = time.monotonic() - begun
        refusals = worker.log.read_text(errors="replace").count(LEASE_LOST_MESSAGE)
    if not epochs:
        return None
    wait_for(
        lambda: (
            worker.log.read_text(errors="replace").count(LEASE_LOST_MESSAGE)
            >= refusals + len(epochs)
        ),
        campaign.deployment.recent_logs,
    )
    return seconds


def _taken_over(campaign: Campaign, worker: Process) -> bool:
    """Wait until a paused worker has lost its runs; return whether it did in time."""
    seconds = TAKEOVER_SECONDS if campaign.deployment.server else TAKEOVER_SECONDS_SQLITE
    deadline = time.monotonic() + seconds
    while campaign.runs_of_worker(worker):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
