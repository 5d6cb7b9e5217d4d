"""Memory that runs out: the kernel kills a worker, or PyTorch is refused what it asks for."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.away import Impossible
from tests.faults.nursery import Nursery
from tests.faults.stand import Stand, standing
from tests.faults.storm import Storm
from tests.product import wait_for

CGROUPS = Path("/sys/fs/cgroup/memory")  # version 1 of control groups
LITTLE = "2M"  # a checkpoint of a wide model takes more
REFUSING = Path(__file__).with_name("refusing.c")
HALVED = "memory ran out; trying with half"
REFUSED = "REFUSED"  # the variable that names the file whose bytes are requests to refuse


def kernel_kills_a_worker(storm: Storm) -> float | None:
    """Have a worker in a control group with no memory to speak of; start it anew once killed.

    One that trains: an idle one asks for no memory.
    """
    if not (training := storm.training()):
        return None
    victim = storm.random.choice(training)
    with _control_group(f"lab-faults-{victim.pid}") as group:
        (group / "cgroup.procs").write_text(str(victim.pid))
        wait_for(lambda: not victim.alive or not storm.had_by(victim), storm.stand.said)
        if victim.alive:  # what it had has ended
            return None
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
        for pid in (group / "cgroup.procs").read_text().split():
            (CGROUPS / "cgroup.procs").write_text(pid)
        wait_for(lambda: _removed(group))  # who was in it may not be quite gone


def _removed(group: Path) -> bool:
    with suppress(OSError):
        group.rmdir()
    return not group.exists()


@contextmanager
def with_refusals(_: Nursery, engine: str) -> Iterator[Stand]:
    """Run the product with an allocator that refuses on demand. Raises Impossible."""
    with tempfile.TemporaryDirectory(prefix="lab-memory-") as folder:
        Path(folder).chmod(0o755)
        library, file = Path(folder) / "refusing.so", Path(folder) / "refused"
        if (compiler := shutil.which("cc")) is None:
            raise Impossible("there is no C compiler")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, REFUSING, "-ldl"], check=True)
        file.write_bytes(b"")
        environment = {"LD_PRELOAD": str(library), REFUSED: str(file)}
        with (
            Nursery(environment) as nursery,
            standing(nursery, engine, environment=environment) as stand,
        ):
            yield stand


def refuse_memory(storm: Storm) -> float | None:
    """Refuse PyTorch the next piece of memory that it asks for: the group must be halved.

    A run that trains alone fails, says so, and is tried again. Recovered once each run that was in
    training has a new epoch, or has ended.
    """
    file, known = Path(storm.stand.environment[REFUSED]), _told(storm)
    file.write_bytes(b".")
    wait_for(lambda: not file.stat().st_size or not storm.unended(), storm.stand.said)
    if file.stat().st_size:  # all had ended
        file.write_bytes(b"")
        return None
    had = {row.id: row.epoch for row in storm.unended() if row.status == "running"}
    wait_for(lambda: _told(storm) > known, storm.stand.said)
    return storm.until_gone_on(had) if had else None


def _told(storm: Storm) -> int:
    """Return how often workers said that they halved a group, or that a run failed."""
    logs = [one.log.read_text(errors="replace") for one in storm.stand.workers]
    return sum(log.count(said) for log in logs for said in (HALVED, "state=failed"))
