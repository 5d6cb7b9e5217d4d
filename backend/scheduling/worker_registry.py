"""Worker registry: workers publish their status to Redis every few seconds.

An entry expires when its worker stops publishing. Redis may lose entries at any moment; they are
back seconds later, and scheduling does not depend on them: the database decides which worker
trains a run. Invalid entries are ignored, since anyone may write to Redis.
"""

import logging
import threading
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

KEY_PREFIX = "overfit_lab:worker:"
PUBLISH_SECONDS = 2.0
EXPIRY_SECONDS = 7  # three missed publications

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\P{Cc}+$")]
Count = Annotated[int, Field(ge=0, le=2**53)]


class Worker(BaseModel):
    """Status that a worker publishes.

    `memory` is its training memory limit in MiB, `runs` the number of runs in training. `epochs`
    counts the epochs recorded since the worker started, over all runs. `epochs_per_second` is
    measured over the last 30 seconds of training, null before the first epoch.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    name: Line
    host: Line
    pid: Count
    device: Literal["cpu", "gpu"]
    hardware: Line
    memory: Count
    torch: Line
    started_at: AwareDatetime
    runs: Count = 0
    epochs: Count = 0
    epochs_per_second: Annotated[float, Field(ge=0)] | None = None
    last_epoch_at: AwareDatetime | None = None
    hints_lost: Count = 0


class StatusPublisher(threading.Thread):
    """A thread that publishes the status returned by `read_status` until it is stopped."""

    def __init__(self, broker_url: str, read_status: Callable[[], Worker]) -> None:
        super().__init__(name="status-publisher", daemon=True)
        self._redis = _connect(broker_url)
        self._read_status = read_status
        self._ended = threading.Event()

    def run(self) -> None:
        """Publish every PUBLISH_SECONDS; retry while the broker is unreachable."""
        while True:
            try:
                worker = self._read_status()
                self._redis.set(
                    KEY_PREFIX + worker.name, worker.model_dump_json(), ex=EXPIRY_SECONDS
                )
            except RedisError as error:
                logger.debug("worker status not published: %s", error)
            except Exception:  # an unregistered worker continues to train
                logger.exception("could not publish worker status; retrying")
            if self._ended.wait(PUBLISH_SECONDS):
                return

    def stop(self) -> None:
        """Stop publishing and delete the entry."""
        self._ended.set()
        self.join()
        try:
            self._redis.delete(KEY_PREFIX + self._read_status().name)
        except RedisError as error:
            logger.debug("worker status not deleted: %s", error)
        self._redis.close()


def registered_workers(broker_url: str) -> list[Worker] | None:
    """Return the registered workers ordered by name, or None if the broker is unreachable."""
    try:
        with _connect(broker_url) as redis:
            return read_workers(redis)
    except RedisError:
        return None


def read_workers(redis: Redis) -> list[Worker]:
    """Return the registered workers ordered by name. Raises RedisError."""
    keys = sorted(redis.scan_iter(match=f"{KEY_PREFIX}*", count=1000))
    entries = redis.mget(keys) if keys else []
    return [worker for worker in map(_parse_worker, entries) if worker]


def _parse_worker(entry: bytes | str | None) -> Worker | None:
    try:
        return Worker.model_validate_json(entry or b"")
    except ValidationError:
        return None


def _connect(broker_url: str) -> Redis:
    return Redis.from_url(broker_url, socket_timeout=1, socket_connect_timeout=1)
