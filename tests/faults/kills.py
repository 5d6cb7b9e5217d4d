"""kill -9 of each part, at random moments."""

import time

import httpx

from tests.faults.away import down
from tests.faults.experiments import SHORT
from tests.faults.storm import Storm


def kill_a_worker(storm: Storm) -> float | None:
    """Kill a worker; recovered once each run it had has a new epoch, or has ended."""
    victim = storm.random.choice(storm.training() or storm.stand.workers)
    with down(victim):
        had = storm.had_by(victim)
    return storm.until_gone_on(had) if had else None


def kill_the_web(storm: Storm) -> float | None:
    """Kill the web service while somebody submits; recovered once it answers again."""
    answered = _submit_meanwhile(storm)
    with down(storm.stand.web):
        pass
    seconds = storm.until(storm.stand.web_answers)
    if answered is not None:  # what was confirmed is there
        storm.stand.get(f"/api/experiments/{answered}")
    return seconds


def _submit_meanwhile(storm: Storm) -> int | None:
    """Submit a short experiment, often without waiting for the answer."""
    patience = storm.random.choice([0.005, 0.02, 0.1, 1.0])
    try:
        answer = httpx.post(f"{storm.stand.url}/api/experiments", json=SHORT, timeout=patience)
        return int(answer.json()["id"])
    except httpx.TransportError:
        return None


def kill_the_broker(storm: Storm) -> float | None:
    """Kill the broker; recovered once work that was submitted meanwhile is taken up."""
    with down(storm.stand.broker):
        pass
    begun = time.monotonic()
    later = storm.stand.submit(SHORT)
    storm.until_taken_up(later)
    return time.monotonic() - begun


def kill_the_database(storm: Storm) -> float | None:
    """Kill the database; recovered once an epoch is recorded.

    SQLite has no process: whoever has the file open is killed, all in the same moment.
    PostgreSQL dies whole, or loses one of its processes and restarts the others itself.
    """
    stand, begun = storm.stand, time.monotonic()
    if stand.server is None:
        users = [stand.web, *stand.workers]
        for part in users:
            part.kill()
        for part in users:
            part.start()
    elif storm.random.random() < 0.5:
        with down(stand.server):
            pass
    else:
        storm.random.choice(stand.server.family()[1:]).kill()
    before = storm.epochs()  # once it answers
    if not storm.unended():
        return None  # it had trained all there was
    storm.until_recorded(before)
    return time.monotonic() - begun
