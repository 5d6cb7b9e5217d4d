"""Processes that are limited to a share of a core each, to simulate more but slower cores."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.product import wait_for

CGROUPS = Path("/sys/fs/cgroup/cpu")  # control groups version 1
PERIOD = 20_000  # microseconds


def possible() -> bool:
    """Return whether this machine has such control groups and permits creating them."""
    return (CGROUPS / "cpu.cfs_quota_us").exists() and psutil.Process().username() == "root"


@contextmanager
def limited(processes: Sequence[psutil.Process], share: float) -> Iterator[None]:
    """Limit each process to `share` of a core."""
    groups = [CGROUPS / f"lab-bench-{process.pid}" for process in processes]
    try:
        for process, group in zip(processes, groups, strict=True):
            group.mkdir()
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(int(PERIOD * share)))
            (group / "cgroup.procs").write_text(str(process.pid))
        yield
    finally:
        for process in processes:
            with suppress(OSError):  # the process has ended
                (CGROUPS / "cgroup.procs").write_text(str(process.pid))
        wait_for(lambda: all(map(_removed, groups)))


def _removed(group: Path) -> bool:
    with suppress(OSError):
        group.rmdir()
    return not group.exists()
