"""A clock that jumps by hours, forward and back, for every process of the product alike.

The machine's own clock stays: libfaketime (Debian: apt install libfaketime) is loaded into each
process, and moves what gettimeofday and its like answer. Monotonic clocks go on, as on a machine
whose clock is set.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.scheduling.lease_clock import FORGIVEN_EVERY
from tests.faults.away import Impossible
from tests.faults.nursery import Nursery
from tests.faults.stand import Stand, patient
from tests.faults.storm import Storm

LIBRARIES = "*/faketime/libfaketimeMT.so.1"
OFFSET = "FAKETIME_TIMESTAMP_FILE"
HOURS = 30  # at most


@contextmanager
def with_a_clock(_: Nursery, engine: str) -> Iterator[Stand]:
    """Run the product on a clock of its own. Raises Impossible."""
    library = next(Path("/usr/lib").glob(LIBRARIES), None)
    if library is None:
        raise Impossible("libfaketime is not installed")
    with tempfile.TemporaryDirectory(prefix="lab-clock-") as folder:
        Path(folder).chmod(0o755)
        offset = Path(folder) / "offset"
        offset.write_text("+0")
        environment = {
            "LD_PRELOAD": str(library),
            OFFSET: str(offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        with (
            Nursery(environment) as nursery,
            patient(nursery, engine, environment=environment) as stand,
        ):
            yield stand


def set_the_clock(storm: Storm) -> float | None:
    """Set the clock; no worker may lose a run by it. Recovered once more epochs are recorded."""
    storm.until_recorded(storm.epochs())  # what a training begins with is not the clock's fault
    held, before = storm.attempts(), storm.epochs()
    hours = storm.random.uniform(-HOURS, HOURS)
    Path(storm.stand.environment[OFFSET]).write_text(f"{hours * 3600:+.0f}")
    seconds = storm.until_recorded(before)
    storm.none_lost(held)
    # leases are begun anew at most so often
    time.sleep(FORGIVEN_EVERY * storm.stand.settings.lease_seconds)
    return seconds if held else None
