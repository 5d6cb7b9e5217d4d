"""Clock jumps: the clock of all processes of the product moves by hours, forward or back.

The machine's own clock is not changed: libfaketime (Debian: apt install libfaketime) is loaded into
each process, and shifts the results of gettimeofday and similar calls. Monotonic clocks are not
shifted, as on a machine whose clock is set.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.scheduling.scheduler import RESTART_INTERVAL_LEASES
from tests.faults.campaign import Campaign
from tests.faults.deployment import Deployment, deploy_with_long_leases
from tests.faults.fork_server import ForkServer
from tests.faults.interruptions import FaultNotPossible

LIBRARIES = "*/faketime/libfaketimeMT.so.1"
OFFSET = "FAKETIME_TIMESTAMP_FILE"
MAX_JUMP_HOURS = 30  # more than a day, so that dates change too


@contextmanager
def deploy_with_fake_clock(_: ForkServer, engine: str) -> Iterator[Deployment]:
    """Run the product with a clock that the test can set. Raises FaultNotPossible."""
    library = next(Path("/usr/lib").glob(LIBRARIES), None)
    if library is None:
        raise FaultNotPossible("libfaketime is not installed")
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
            ForkServer(environment) as fork_server,
            deploy_with_long_leases(fork_server, engine, environment=environment) as deployment,
        ):
            yield deployment


def jump_clock(campaign: Campaign) -> float | None:
    """Set the clock. No worker may lose a run. Recovered when more epochs are recorded."""
    # the time that a training needs to start must not count as an effect of the clock
    campaign.wait_until_recorded(campaign.recorded_epochs())
    held, epochs_before = campaign.attempts(), campaign.recorded_epochs()
    hours = campaign.random.uniform(-MAX_JUMP_HOURS, MAX_JUMP_HOURS)
    Path(campaign.deployment.environment[OFFSET]).write_text(f"{hours * 3600:+.0f}")
    seconds = campaign.wait_until_recorded(epochs_before)
    campaign.assert_no_run_lost(held)
    # leases are renewed after a jump at most once per this time
    time.sleep(RESTART_INTERVAL_LEASES * campaign.deployment.settings.lease_seconds)
    return seconds if held else None
