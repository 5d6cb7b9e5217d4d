"""A full disk: the product runs on a small tmpfs, which the test fills for a while."""

import errno
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import outage_messages
from tests.faults import dashboard
from tests.faults.campaign import Campaign
from tests.faults.deployment import Deployment, deploy
from tests.faults.fork_server import ForkServer
from tests.faults.interruptions import FaultNotPossible

DISK_SIZE = "400m"
FULL_SECONDS = 20.0


@contextmanager
def deploy_on_small_disk(fork_server: ForkServer, engine: str) -> Iterator[Deployment]:
    """Run the product with all its files on a small tmpfs. Raises FaultNotPossible."""
    with tempfile.TemporaryDirectory(prefix="lab-disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE},mode=755", "tmpfs", folder]
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
        if mounted.returncode:
            raise FaultNotPossible(f"no tmpfs can be mounted: {mounted.stderr.strip()}")
        try:
            with deploy(fork_server, engine, folder=Path(folder)) as deployment:
                yield deployment
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607


def fill_disk(campaign: Campaign) -> float | None:
    """Fill the disk for a while, then free it. Recovered when more epochs are recorded.

    Processes that ended are started again, as `lab up` or a container's supervisor does.
    """
    deployment = campaign.deployment
    filler = deployment.folder / "filler"
    _fill(filler)
    try:
        ends = time.monotonic() + FULL_SECONDS
        dashboard.wait_until_reported(deployment, outage_messages.DISK_FULL)
        while time.monotonic() < ends:
            _fill(filler)
            time.sleep(0.5)
    finally:
        filler.unlink()
    deployment.start()
    seconds = campaign.wait_until_recorded(campaign.recorded_epochs())
    dashboard.wait_until_recovered(deployment, outage_messages.DISK_FULL)
    return seconds


def _fill(path: Path) -> None:
    """Write to a file until the disk has no space left."""
    with path.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
