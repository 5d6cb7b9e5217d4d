"""A worker of `lab up` loads PyTorch while the web process starts, then waits for its database."""

import os

from backend.supervisor.programs import GATE


def wait_for_gate() -> None:
    """Return when the supervisor closes its end of the gate, at once if there is no gate."""
    descriptor = int(os.environ.pop(GATE, "-1"))
    if descriptor >= 0:
        os.read(descriptor, 1)
        os.close(descriptor)
