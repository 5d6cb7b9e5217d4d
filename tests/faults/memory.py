"""Memory that runs out: the kernel kills a worker, or refuses it what it asks for."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.faults.away import Impossible
from tests.faults.nursery import Nursery
from tests.faults.stand import Stand, standing
from tests.faults.storm import Storm
from tests.product import wait_for
from tests.specs import document

CGROUPS = Path("/sys/fs/cgroup/memory")  # version 1 of control groups
LITTLE = "2M"  # a worker takes that within an epoch or so
RAN_OUT = "memory ran out with"
SPARE = 1 << 18  # bytes, less than an evaluation takes
REFUSED_SECONDS = 15.0
# Each evaluation takes, and gives back, some ten megabytes.
WIDE = document(
    "moons",
    dataset__n_train=[20, 30, 40, 50],
    dataset__n_validation=2000,
    dataset__n_test=2000,
    model__width=256,
    training__epochs=150,
)
# What is large is asked of the kernel each time, rather than kept for the next.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}


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
        group.rmdir()


@contextmanager
def with_one_worker(_: Nursery, engine: str) -> Iterator[Stand]:
    """Run the product with one worker, so that all runs train together, under a plain malloc."""
    nursery = Nursery(MALLOC)
    try:
        with standing(nursery, engine, workers=1, environment=MALLOC) as stand:
            yield stand
    finally:
        nursery.end()


def kernel_refuses_memory(storm: Storm) -> float | None:
    """Forbid a worker to grow (RLIMIT_AS) until an allocation has failed in its training.

    It halves its group; recovered once each run has a new epoch, or has ended.
    """
    [worker] = storm.stand.workers
    before = storm.epochs()
    storm.until_recorded(before)  # it is past what a training begins with
    known, had = _ran_out(worker.log), storm.had_by(worker)
    with _cramped(psutil.Process(worker.pid)):
        deadline = time.monotonic() + REFUSED_SECONDS
        while _ran_out(worker.log) == known and storm.unended() and time.monotonic() < deadline:
            time.sleep(0.02)
    return storm.until_gone_on(had) if _ran_out(worker.log) > known else None


@contextmanager
def _cramped(process: psutil.Process) -> Iterator[None]:
    """Have a process get no more memory than it has, and SPARE."""
    unlimited = process.rlimit(resource.RLIMIT_AS)
    size = SPARE + min(_sizes(process))  # an evaluation may be under way
    process.rlimit(resource.RLIMIT_AS, (size, unlimited[1]))
    try:
        yield
    finally:
        process.rlimit(resource.RLIMIT_AS, unlimited)


def _sizes(process: psutil.Process) -> Iterator[int]:
    for _ in range(20):
        yield process.memory_info().vms
        time.sleep(0.01)


def _ran_out(log: Path) -> int:
    return log.read_text(errors="replace").count(RAN_OUT)
