"""Whether a worker of this machine is there, for health checks: `python -m worker.present`.

Exits 0 if one has announced itself within the last seconds; 1 with a sentence if none has, or if
the broker, without which no worker can take work, cannot be reached. Loads no PyTorch.
"""

import socket
import sys

from backend.presence import GONE_SECONDS, present
from backend.settings import Settings


def absent(broker_url: str, host: str) -> str | None:
    """Return why no worker of a host can be seen; None if one is there."""
    workers = present(broker_url)
    if workers is None:
        return "The broker cannot be reached."
    if any(worker.host == host for worker in workers):
        return None
    return f"No worker of {host} has announced itself within {GONE_SECONDS} seconds."


if __name__ == "__main__":
    sys.exit(absent(Settings().broker_url, socket.gethostname()))
