"""Workers say over Redis that they are there; who has not said so for a while is not.

Redis may lose it at any moment, and then has it again seconds later: the database alone decides
who trains what. Anyone may write to Redis: what cannot be read is no worker.
"""

import logging
import threading
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

KEY = "overfit_lab:worker:"
EVERY_SECONDS = 2.0
GONE_SECONDS = 7  # three words missed

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\P{Cc}+$")]
Count = Annotated[int, Field(ge=0, le=2**53)]


class Worker(BaseModel):
    """What a worker says of itself.

    `memory` is what its training may take, in MiB; `runs` are in training. `epochs` counts those
    it recorded, of all runs, since it started; `epochs_per_second` is of the last half minute in
    which it trained, null before the first.
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


class Announcer(threading.Thread):
    """Says, until the process ends, that a worker is there, with what `facts` returns of it."""

    def __init__(self, broker_url: str, facts: Callable[[], Worker]) -> None:
        super().__init__(name="announcer", daemon=True)
        self._redis = _connect(broker_url)
        self._facts = facts
        self._ended = threading.Event()

    def run(self) -> None:
        """Say it every few seconds; a broker that is away is tried again."""
        while True:
            try:
                worker = self._facts()
                self._redis.set(KEY + worker.name, worker.model_dump_json(), ex=GONE_SECONDS)
            except RedisError as error:
                logger.debug("not announced: %s", error)
            except Exception:  # a worker that is not announced is sent less work, and works on
                logger.exception("what this worker is could not be told; trying again")
            if self._ended.wait(EVERY_SECONDS):
                return

    def stop(self) -> None:
        """End, and be gone at once."""
        self._ended.set()
        self.join()
        try:
            self._redis.delete(KEY + self._facts().name)
        except RedisError as error:
            logger.debug("not taken back: %s", error)
        self._redis.close()


def present(broker_url: str) -> list[Worker] | None:
    """Return the workers that are there, by name; None when the broker is away."""
    try:
        with _connect(broker_url) as redis:
            return read(redis)
    except RedisError:
        return None


def read(redis: Any) -> list[Worker]:
    """Return the workers that are there, by name. Raises RedisError."""
    keys = sorted(redis.scan_iter(match=f"{KEY}*", count=1000))
    found = redis.mget(keys) if keys else []
    return [worker for worker in map(_parsed, found) if worker]


def _parsed(facts: bytes | None) -> Worker | None:
    try:
        return Worker.model_validate_json(facts or b"")
    except ValidationError:
        return None


def _connect(broker_url: str) -> Redis:
    return Redis.from_url(broker_url, socket_timeout=1, socket_connect_timeout=1)
