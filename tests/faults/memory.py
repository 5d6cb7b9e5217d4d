"""Memory that runs out: the kernel kills a worker, or refuses it what it asks for."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import select

from backend.store.states import ENDED
from backend.store.tables import Run
from tests.faults.away import Impossible
from tests.faults.experiments import STORED
from tests.faults.nursery import Nursery
from tests.faults.stand import Stand, standing
from tests.faults.storm import Storm
from tests.product import wait_for

CGROUPS = Path("/sys/fs/cgroup/memory")  # version 1 of control groups
LITTLE = "2M"  # a worker takes that within an epoch or so
RAN_OUT = "memory ran out with"
ROOM = 200 << 20  # bytes: too little for the four together
# What is freed goes back to the system, and a thread asks for no 64 MB of its own.
MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "MALLOC_ARENA_MAX": "1",
}


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


@contextmanager
def with_little_memory(_: Nursery, engine: str) -> Iterator[Stand]:
    """Run the product with one worker, which may grow by ROOM and no more (RLIMIT_AS)."""
    nursery = Nursery(MALLOC)
    try:
        with standing(nursery, engine, workers=1, environment=MALLOC) as stand:
            [worker] = stand.workers
            stand.submit(STORED)
            unended = select(Run.id).where(Run.status.not_in(ENDED))
            wait_for(lambda: not stand.rows(unended), stand.said)
            worker.grow_by(ROOM)
            yield stand
    finally:
        nursery.end()


def refuse_memory(storm: Storm) -> float | None:
    """Train what does not fit together: an allocation fails, and the worker halves the group.

    Recovered once each run has a new epoch, or has ended. Where not PyTorch is refused but what
    ends a process for it, such as safetensors, the worker is started again as `lab up` would.
    """
    storm.until(lambda: _lives(storm) and (_ran_out(storm) or not storm.unended()))
    if not _ran_out(storm):
        return None
    had = {row.id: row.epoch for row in storm.unended()}
    seconds = storm.until(lambda: _lives(storm) and storm.gone_on(had))
    storm.until(lambda: _lives(storm) and not storm.unended())
    return seconds


def _lives(storm: Storm) -> bool:
    """Start the worker again if it has ended."""
    [worker] = storm.stand.workers
    if not worker.alive:
        worker.start()
    return True


def _ran_out(storm: Storm) -> bool:
    """Whether memory ran out for the present experiment."""
    [worker] = storm.stand.workers
    said = worker.log.read_text(errors="replace")
    begun = f"training begins [worker.trainer] experiment={storm.experiment} "
    return RAN_OUT in said.partition(begun)[2]
