"""Low priority of training processes, so that pages and other programs come first."""

import contextlib
import os
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")
"""Priority of the session that a process belongs to (Linux, sched(7)). Between sessions only
this number counts, not the nice value of their processes."""


def lower_priority(nice: int, autogroup: Path = AUTOGROUP) -> None:
    """Raise the nice value of this process and of its session to `nice`, unless it is higher.

    A system that has no sessions with priorities, or forbids the change, keeps the old one.
    """
    with contextlib.suppress(OSError):
        os.nice(max(0, nice - os.nice(0)))
    if os.getsid(0) == os.getpid():  # `lab up` starts each worker as a session of its own
        with contextlib.suppress(OSError):
            autogroup.write_text(str(nice))
