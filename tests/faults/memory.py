"""Memory that runs out: the kernel kills a worker."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.away import Impossible
from tests.faults.storm import Storm
from tests.product import wait_for

CGROUPS = Path("/sys/fs/cgroup/memory")  # version 1 of control groups
LITTLE = "2M"  # a worker takes that within an epoch or so


def kernel_kills_a_worker(storm: Storm) -> float | None:
    """Have a worker in a control group with no memory to speak of; start it anew once killed."""
    victim = storm.random.choice(storm.training() or storm.stand.workers)
    with _control_group(f"lab-faults-{victim.pid}") as group:
        (group / "cgroup.procs").write_text(str(victim.pid))
        wait_for(lambda: not victim.alive, storm.stand.said)
        said = (group / "memory.oom_control").read_text()
        assert "oom_kill 0" not in said, f"not killed by the kernel: {said}"
    had = storm.had_by(victim)
    victim.start()
    return storm.until_gone_on(had) if had else None


@contextmanager
def _control_group(name: str) -> Iterator[Path]:
    """Make a group of processes that may take LITTLE. Raises Impossible."""
    group = CGROUPS / name
    try:
        group.mkdir()
    except OSError as error:
        raise Impossible(f"no control group for memory can be made ({error.strerror})") from error
    try:
        (group / "memory.limit_in_bytes").write_text(LITTLE)
        yield group
    finally:
        wait_for(lambda: _removed(group))  # who was in it may not be quite gone


def _removed(group: Path) -> bool:
    with suppress(OSError):
        group.rmdir()
    return not group.exists()
