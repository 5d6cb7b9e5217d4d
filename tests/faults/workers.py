"""Workers that are told to stop, or that sleep until others have their runs."""

import os
import signal
import time

from tests.faults.away import hung
from tests.faults.processes import Process
from tests.faults.storm import Storm
from tests.product import wait_for

REFUSED = "lost to another worker"
# Within which what a silent worker had is with others: PostgreSQL ends its transaction after 30 s,
# after 120 s in the middle of a statement; with SQLite's write lock it keeps all from writing.
TAKEN_SECONDS, TAKEN_SECONDS_SQLITE = 150.0, 30.0
EXIT_SECONDS = 30.0


def terminate_a_worker(storm: Storm) -> float | None:
    """SIGTERM; the worker must have handed its runs back when it ends. Then it is started again.

    Recovered once each run it had has a new epoch, or has ended.
    """
    victim = storm.random.choice(storm.training() or storm.stand.workers)
    had, begun = storm.had_by(victim), time.monotonic()
    os.kill(victim.pid, signal.SIGTERM)
    wait_for(lambda: not victim.alive, storm.stand.said, EXIT_SECONDS)
    assert not (kept := storm.had_by(victim)), f"not handed back: {kept}"
    victim.start()
    if not had:
        return None
    storm.until_gone_on(had)
    return time.monotonic() - begun


def pause_a_worker(storm: Storm) -> float | None:
    """SIGSTOP until others have taken its runs, then SIGCONT: what it had to write is refused.

    Recovered once each of its runs has a new epoch, or has ended, while it sleeps. Where it sleeps
    within a write, nobody else may be able to, so it is woken without that.
    """
    victim = storm.random.choice(storm.training() or storm.stand.workers)
    with hung(victim):
        had, begun = storm.had_by(victim), time.monotonic()
        if had and not _taken_over(storm, victim):
            return None
        if had:
            storm.until_gone_on(had)
        seconds = time.monotonic() - begun
        known = victim.log.read_text(errors="replace").count(REFUSED)
    if not had:
        return None
    wait_for(
        lambda: victim.log.read_text(errors="replace").count(REFUSED) >= known + len(had),
        storm.stand.said,
    )
    return seconds


def _taken_over(storm: Storm, victim: Process) -> bool:
    """Wait until a worker that sleeps has lost its runs; return whether it did in time."""
    seconds = TAKEN_SECONDS if storm.stand.server else TAKEN_SECONDS_SQLITE
    deadline = time.monotonic() + seconds
    while storm.had_by(victim):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
