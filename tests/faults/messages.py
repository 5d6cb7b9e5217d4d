"""Messages of the broker that are lost, duplicated or out of order."""

import json

import redis

from backend.scheduling.dispatcher import queue_name
from tests.faults.campaign import Campaign
from tests.faults.experiments import SHORT

QUEUE_KEY = queue_name("any") + "\x06\x161"  # Celery's name for the queue of normal priority
UNACKED_KEY = "unacked"  # unacknowledged messages that workers have received, by their tag


def empty_broker(campaign: Campaign) -> float | None:
    """Send FLUSHALL. Recovered when an experiment submitted just before it starts."""
    experiment_id = campaign.deployment.submit(SHORT)
    with redis.Redis.from_url(campaign.deployment.settings.broker_url) as client:
        client.flushall()
    return campaign.wait_until_started(experiment_id)


def duplicate_and_shuffle(campaign: Campaign) -> float | None:
    """Duplicate every message that is queued or unacknowledged, and shuffle the queue.

    Recovered when more epochs are recorded.
    """
    epochs_before = campaign.recorded_epochs()
    for _ in range(campaign.random.randint(0, 3)):
        campaign.deployment.submit(SHORT)
    with redis.Redis.from_url(campaign.deployment.settings.broker_url) as client:
        unacknowledged = [_message(value) for value in client.hvals(UNACKED_KEY)]
        # without repetitions, so that no message is queued more than twice
        queued = [*dict.fromkeys(client.lrange(QUEUE_KEY, 0, -1))]
        messages = [*queued, *queued, *unacknowledged]
        campaign.random.shuffle(messages)
        with client.pipeline(transaction=True) as pipe:
            pipe.delete(QUEUE_KEY)
            if messages:
                pipe.rpush(QUEUE_KEY, *messages)
            pipe.execute()
    return campaign.wait_until_recorded(epochs_before) if messages else None


def _message(entry: bytes) -> bytes:
    """Return the queued form of an unacknowledged message, which is stored with its queue."""
    return json.dumps(json.loads(entry)[0]).encode()
