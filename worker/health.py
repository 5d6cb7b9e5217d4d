"""Whether this machine's (or container's) worker is there, for a health check: exit code 0 or 1.

Asks the broker whether a worker of this host said so within the last seconds. It says so from a
thread of its own, so a worker that trains answers as one that waits does; asking the worker itself
(`celery inspect ping`) would tell a worker dead for as long as it trains. Loads no PyTorch.
"""

import socket
import sys

from backend.scheduling.worker_registry import EXPIRY_SECONDS, registered_workers
from backend.settings import Settings


def main() -> str | None:
    """Return what is wrong in one sentence, None when all is well."""
    found = registered_workers(Settings().broker_url)
    if found is None:
        return "The broker cannot be reached."
    if not any(worker.host == socket.gethostname() for worker in found):
        return f"No worker of this host said within {EXPIRY_SECONDS} s that it is there."
    return None


if __name__ == "__main__":
    sys.exit(main())
