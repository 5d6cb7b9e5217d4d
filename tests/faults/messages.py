"""The broker's messages lost, doubled and out of order."""

import json

import redis

from backend.scheduling.dispatcher import queue_name
from tests.faults.experiments import SHORT
from tests.faults.storm import Storm

QUEUE = queue_name("any") + "\x06\x161"  # of normal priority, as Celery names it
UNACKED = "unacked"  # messages that a worker has taken and not yet acknowledged, by their tag


def empty_the_broker(storm: Storm) -> float | None:
    """FLUSHALL; recovered once work that was submitted just before is taken up."""
    later = storm.stand.submit(SHORT)
    with redis.Redis.from_url(storm.stand.settings.broker_url) as client:
        client.flushall()
    return storm.until_taken_up(later)


def double_and_shuffle(storm: Storm) -> float | None:
    """Put every message that waits or is worked on in once more, in random order.

    Recovered once more epochs are recorded.
    """
    before = storm.epochs()
    for _ in range(storm.random.randint(0, 3)):
        storm.stand.submit(SHORT)
    with redis.Redis.from_url(storm.stand.settings.broker_url) as client:
        taken = [_message(value) for value in client.hvals(UNACKED)]
        waiting = [*dict.fromkeys(client.lrange(QUEUE, 0, -1))]  # twice at most, however often
        messages = [*waiting, *waiting, *taken]
        storm.random.shuffle(messages)
        with client.pipeline(transaction=True) as pipe:
            pipe.delete(QUEUE)
            if messages:
                pipe.rpush(QUEUE, *messages)
            pipe.execute()
    return storm.until_recorded(before) if messages else None


def _message(taken: bytes) -> bytes:
    """Return a message as it stood in its queue: taken, it is kept with where it came from."""
    return json.dumps(json.loads(taken)[0]).encode()
