"""Hints over Redis: "something moved in experiment N". Losing one costs a second, never data."""

import logging
import time

from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

CHANNEL = "overfit_lab:moved"
QUIET_SECONDS = 2.0  # after a failure: training is not to wait for a broker at each hint


class Notifier:
    """Publishes hints; a broker that is away is no error, as readers poll too."""

    def __init__(self, broker_url: str) -> None:
        self._redis = Redis.from_url(broker_url, socket_timeout=1, socket_connect_timeout=1)
        self.lost = 0
        self._quiet_until = 0.0

    def moved(self, experiment_id: int) -> None:
        """Tell whoever listens that an experiment changed. Call after the commit."""
        if time.monotonic() < self._quiet_until:
            self.lost += 1
            return
        try:
            self._redis.publish(CHANNEL, str(experiment_id))
        except RedisError as error:
            self.lost += 1
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            logger.debug("no hint sent: %s", error)

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()
