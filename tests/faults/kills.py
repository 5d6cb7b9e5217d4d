"""kill -9 of each part of the product, at random moments."""

import time

import httpx

from tests.faults.campaign import Campaign
from tests.faults.experiments import SHORT
from tests.faults.interruptions import stopped


def kill_worker(campaign: Campaign) -> float | None:
    """Kill a worker. Recovered when each run it held has a new epoch or has ended."""
    worker = campaign.random.choice(campaign.training_workers() or campaign.deployment.workers)
    with stopped(worker):
        epochs = campaign.runs_of_worker(worker)
    return campaign.wait_for_progress(epochs) if epochs else None


def kill_web(campaign: Campaign) -> float | None:
    """Kill the web service during a submission. Recovered when it responds again."""
    confirmed = _submit_concurrently(campaign)
    with stopped(campaign.deployment.web):
        pass
    seconds = campaign.measure_wait(campaign.deployment.web_answers)
    if confirmed is not None:  # a confirmed experiment must be stored
        campaign.deployment.get(f"/api/experiments/{confirmed}")
    return seconds


def _submit_concurrently(campaign: Campaign) -> int | None:
    """Submit a short experiment, often without waiting for the response. Return its id if known."""
    timeout = campaign.random.choice([0.005, 0.02, 0.1, 1.0])
    try:
        response = httpx.post(
            f"{campaign.deployment.url}/api/experiments", json=SHORT, timeout=timeout
        )
        return int(response.json()["id"])
    except httpx.TransportError:
        return None


def kill_broker(campaign: Campaign) -> float | None:
    """Kill the broker. Recovered when an experiment submitted after the restart starts."""
    with stopped(campaign.deployment.broker):
        pass
    begun = time.monotonic()
    experiment_id = campaign.deployment.submit(SHORT)
    campaign.wait_until_started(experiment_id)
    return time.monotonic() - begun


def kill_database(campaign: Campaign) -> float | None:
    """Kill the database. Recovered when an epoch is recorded.

    SQLite has no process: all processes that have the file open are killed at the same time.
    For PostgreSQL, either the whole server is killed, or one of its processes, after which the
    server restarts the others itself.
    """
    deployment, begun = campaign.deployment, time.monotonic()
    if deployment.server is None:
        processes = [deployment.web, *deployment.workers]
        for process in processes:
            process.kill()
        for process in processes:
            process.start()
    elif campaign.random.random() < 0.5:
        with stopped(deployment.server):
            pass
    else:
        campaign.random.choice(deployment.server.family()[1:]).kill()
    epochs_before = campaign.recorded_epochs()  # waits until the database responds
    if not campaign.unfinished_runs():
        return None  # all runs had ended before the kill
    campaign.wait_until_recorded(epochs_before)
    return time.monotonic() - begun
