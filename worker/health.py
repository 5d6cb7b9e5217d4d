"""Health check of this machine's or container's worker: exits with 0 or 1.

It asks the broker whether a worker of this host has announced itself within the last seconds. The
worker does so from a thread of its own, whether it trains or is idle. Asking the worker itself
(`celery inspect ping`) would report a worker as dead for as long as it trains. This module does not
load PyTorch.
"""

import socket
import sys

from backend.scheduling.worker_registry import EXPIRY_SECONDS, registered_workers
from backend.settings import Settings


def main() -> str | None:
    """Return the problem as a sentence; None if the worker is healthy."""
    workers = registered_workers(Settings().broker_url)
    if workers is None:
        return "The broker cannot be reached."
    if not any(worker.host == socket.gethostname() for worker in workers):
        return f"No worker of this host has announced itself in the last {EXPIRY_SECONDS} s."
    return None


if __name__ == "__main__":
    sys.exit(main())
