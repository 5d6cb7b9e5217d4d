"""All faults: how each is injected, how often, into which deployment, during which training."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from backend.specification.estimates import NOT_ENOUGH_MEMORY
from backend.store.transitions import LOST
from tests.faults import clock, disk, kills, memory, messages, outages, workers
from tests.faults.campaign import Campaign
from tests.faults.deployment import Deployment, deploy, deploy_with_long_leases
from tests.faults.experiments import DOCUMENT, LONG, WIDE
from tests.faults.fork_server import ForkServer

ENGINES = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Fault:
    """A fault. It is injected `max_count` times at most, whatever the command line requests.

    Runs may fail with an error that begins with one of `accepted_errors`; they are then retried.
    """

    name: str
    inject: Callable[[Campaign], float | None]
    max_count: int | None = None
    document: Mapping[str, Any] | None = None
    deployer: Callable[[ForkServer, str], AbstractContextManager[Deployment]] = deploy
    engines: Sequence[str] = ENGINES
    accepted_errors: Sequence[str] = (LOST,)

    @property
    def specification(self) -> Mapping[str, Any]:
        """The specification of the experiments that train while the fault is injected."""
        return self.document or DOCUMENT


POSTGRESQL, SQLITE = ("postgresql",), ("sqlite",)

FAULTS = (
    Fault("kill -9 of a worker", kills.kill_worker),
    Fault("kill -9 of the web service", kills.kill_web),
    Fault("kill -9 of the broker", kills.kill_broker),
    Fault("kill -9 of the database", kills.kill_database),
    Fault("the broker emptied", messages.empty_broker, 30),
    Fault("messages doubled and shuffled", messages.duplicate_and_shuffle, 30),
    Fault("SIGTERM of a worker", workers.terminate_worker, 20),
    Fault("a worker paused beyond its lease", workers.pause_worker, 15),
    Fault("the broker gone for 60 s", outages.broker_refuses, 2),
    Fault("the broker hung for 60 s", outages.broker_hangs, 2),
    Fault(
        "the database gone for 60 s",
        outages.database_refuses,
        2,
        LONG,
        deploy_with_long_leases,
        engines=POSTGRESQL,
    ),
    Fault(
        "the database hung for 60 s",
        outages.database_hangs,
        2,
        LONG,
        deploy_with_long_leases,
        engines=POSTGRESQL,
    ),
    Fault(
        "the database locked for 60 s",
        outages.database_locked,
        2,
        LONG,
        deploy_with_long_leases,
        engines=SQLITE,
    ),
    Fault(
        "the database only reads for 60 s",
        outages.database_only_reads,
        2,
        LONG,
        deploy_with_long_leases,
        engines=POSTGRESQL,
    ),
    Fault("a full disk", disk.fill_disk, 3, deployer=disk.deploy_on_small_disk),
    Fault("a jump of the clock", clock.jump_clock, 6, LONG, clock.deploy_with_fake_clock),
    Fault("a worker killed for its memory", memory.kill_worker_for_memory, 10, WIDE),
    Fault(
        "memory refused to PyTorch",
        memory.fail_allocation,
        30,
        WIDE,
        memory.deploy_with_failing_allocator,
        accepted_errors=(NOT_ENOUGH_MEMORY,),
    ),
)
