"""A disk that is full for a while: a small one of its own, in memory."""

import errno
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults import dashboard
from tests.faults.away import Impossible
from tests.faults.nursery import Nursery
from tests.faults.stand import Stand, standing
from tests.faults.storm import Storm

SIZE = "400m"
FULL_SECONDS = 20.0


@contextmanager
def on_a_small_disk(nursery: Nursery, engine: str) -> Iterator[Stand]:
    """Run the product with all that it writes on a tmpfs. Raises Impossible."""
    with tempfile.TemporaryDirectory(prefix="lab-disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", folder]
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
        if mounted.returncode:
            raise Impossible(f"no tmpfs can be mounted: {mounted.stderr.strip()}")
        try:
            with standing(nursery, engine, folder=Path(folder)) as stand:
                yield stand
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607


def fill_the_disk(storm: Storm) -> float | None:
    """Fill the disk for a while, then free it; recovered once more epochs are recorded.

    What ended meanwhile is started again, as `lab up` or a container's supervisor does.
    """
    stand = storm.stand
    filler = stand.folder / "filler"
    _fill(filler)
    try:
        ends = time.monotonic() + FULL_SECONDS
        dashboard.tells(stand, dashboard.DISK_FULL)
        while time.monotonic() < ends:
            _fill(filler)
            time.sleep(0.5)
    finally:
        filler.unlink()
    stand.start()
    seconds = storm.until_recorded(storm.epochs())
    dashboard.is_well(stand, dashboard.DISK_FULL)
    return seconds


def _fill(path: Path) -> None:
    """Write to a file until there is no room at all."""
    with path.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
