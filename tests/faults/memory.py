"""Memory exhaustion: the kernel kills a worker, or an allocation by PyTorch fails."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.campaign import Campaign
from tests.faults.deployment import Deployment, deploy
from tests.faults.fork_server import ForkServer
from tests.faults.interruptions import FaultNotPossible
from tests.product import wait_for

CGROUPS = Path("/sys/fs/cgroup/memory")  # version 1 of control groups
MEMORY_LIMIT = "2M"  # a checkpoint of a wide model needs more
ALLOCATOR_SOURCE = Path(__file__).with_name("failing_allocator.c")
HALVED_MESSAGE = "memory ran out; trying with half"
# Environment variable with the path of a file. Each byte of the file makes one allocation fail.
FAILURES_VARIABLE = "FAILING_ALLOCATIONS"


def kill_worker_for_memory(campaign: Campaign) -> float | None:
    """Move a training worker into a control group with almost no memory; restart it once killed.

    An idle worker would not be killed, as it allocates no memory.
    """
    if not (training := campaign.training_workers()):
        return None
    worker = campaign.random.choice(training)
    with _control_group(f"lab-faults-{worker.pid}") as group:
        (group / "cgroup.procs").write_text(str(worker.pid))
        wait_for(
            lambda: not worker.alive or not campaign.runs_of_worker(worker),
            campaign.deployment.recent_logs,
        )
        if worker.alive:  # its runs have ended
            return None
        control = (group / "memory.oom_control").read_text()
        assert "oom_kill 0" not in control, f"not killed by the kernel: {control}"
    epochs = campaign.runs_of_worker(worker)
    worker.start()
    return campaign.wait_for_progress(epochs) if epochs else None


@contextmanager
def _control_group(name: str) -> Iterator[Path]:
    """Create a control group limited to MEMORY_LIMIT of memory. Raises FaultNotPossible."""
    group = CGROUPS / name
    try:
        group.mkdir()
    except OSError as error:
        raise FaultNotPossible(
            f"no control group for memory can be made ({error.strerror})"
        ) from error
    try:
        (group / "memory.limit_in_bytes").write_text(MEMORY_LIMIT)
        yield group
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            (CGROUPS / "cgroup.procs").write_text(pid)
        wait_for(lambda: _removed(group))  # fails while a killed process has not quite ended


def _removed(group: Path) -> bool:
    with suppress(OSError):
        group.rmdir()
    return not group.exists()


@contextmanager
def deploy_with_failing_allocator(_: ForkServer, engine: str) -> Iterator[Deployment]:
    """Run the product with an allocator that fails on demand. Raises FaultNotPossible."""
    with tempfile.TemporaryDirectory(prefix="lab-memory-") as folder:
        Path(folder).chmod(0o755)
        library, file = Path(folder) / "failing_allocator.so", Path(folder) / "failures"
        if (compiler := shutil.which("cc")) is None:
            raise FaultNotPossible("there is no C compiler")
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-o", library, ALLOCATOR_SOURCE, "-ldl"], check=True
        )
        file.write_bytes(b"")
        environment = {"LD_PRELOAD": str(library), FAILURES_VARIABLE: str(file)}
        with (
            ForkServer(environment) as fork_server,
            deploy(fork_server, engine, environment=environment) as deployment,
        ):
            yield deployment


def fail_allocation(campaign: Campaign) -> float | None:
    """Make the next large allocation by PyTorch fail: the worker must halve the group.

    A run that trains alone fails with an error, and is retried. Recovered when each run that was
    training has a new epoch or has ended.
    """
    file = Path(campaign.deployment.environment[FAILURES_VARIABLE])
    messages_before = _count_messages(campaign)
    file.write_bytes(b".")
    wait_for(
        lambda: not file.stat().st_size or not campaign.unfinished_runs(),
        campaign.deployment.recent_logs,
    )
    if file.stat().st_size:  # all runs had ended
        file.write_bytes(b"")
        return None
    epochs = {row.id: row.epoch for row in campaign.unfinished_runs() if row.status == "running"}
    wait_for(lambda: _count_messages(campaign) > messages_before, campaign.deployment.recent_logs)
    return campaign.wait_for_progress(epochs) if epochs else None


def _count_messages(campaign: Campaign) -> int:
    """Return how often workers logged that they halved a group, or that a run failed."""
    logs = [worker.log.read_text(errors="replace") for worker in campaign.deployment.workers]
    return sum(log.count(text) for log in logs for text in (HALVED_MESSAGE, "state=failed"))
