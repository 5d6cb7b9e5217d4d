"""Processes that get a share of a core each, as if there were more of slower cores."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.product import wait_for

CGROUPS = Path("/sys/fs/cgroup/cpu")  # version 1 of control groups
PERIOD = 20_000  # microseconds


def possible() -> bool:
    """Whether this machine has such control groups, and lets us make them."""
    return (CGROUPS / "cpu.cfs_quota_us").exists() and psutil.Process().username() == "root"


@contextmanager
def limited(processes: Sequence[psutil.Process], share: float) -> Iterator[None]:
    """Let each process take `share` of a core and no more."""
    groups = [CGROUPS / f"lab-bench-{each.pid}" for each in processes]
    try:
        for each, group in zip(processes, groups, strict=True):
            group.mkdir()
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(int(PERIOD * share)))
            (group / "cgroup.procs").write_text(str(each.pid))
        yield
    finally:
        for each in processes:
            with suppress(OSError):  # it has ended
                (CGROUPS / "cgroup.procs").write_text(str(each.pid))
        wait_for(lambda: all(map(_removed, groups)))


def _removed(group: Path) -> bool:
    with suppress(OSError):
        group.rmdir()
    return not group.exists()
