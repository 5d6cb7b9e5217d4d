"""Every kind of fault: what is done, how often, to which product, and what trains meanwhile."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from backend.specification.memory import NOT_ENOUGH
from backend.store.transitions import LOST
from tests.faults import clock, disk, kills, memory, messages, outages, workers
from tests.faults.experiments import DOCUMENT, LONG, WIDE
from tests.faults.nursery import Nursery
from tests.faults.stand import Stand, patient, standing
from tests.faults.storm import Storm

ENGINES = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Kind:
    """A kind of fault. `count` bounds how often it is made, whatever is asked for.

    By `excused` begin the sentences with which runs may fail, to be tried again.
    """

    name: str
    strike: Callable[[Storm], float | None]
    count: int | None = None
    document: Mapping[str, Any] | None = None
    stand: Callable[[Nursery, str], AbstractContextManager[Stand]] = standing
    engines: Sequence[str] = ENGINES
    excused: Sequence[str] = (LOST,)

    @property
    def trained(self) -> Mapping[str, Any]:
        """The specification of the experiments that train meanwhile."""
        return self.document or DOCUMENT


POSTGRESQL, SQLITE = ("postgresql",), ("sqlite",)

KINDS = (
    Kind("kill -9 of a worker", kills.kill_a_worker),
    Kind("kill -9 of the web service", kills.kill_the_web),
    Kind("kill -9 of the broker", kills.kill_the_broker),
    Kind("kill -9 of the database", kills.kill_the_database),
    Kind("the broker emptied", messages.empty_the_broker, 30),
    Kind("messages doubled and shuffled", messages.double_and_shuffle, 30),
    Kind("SIGTERM of a worker", workers.terminate_a_worker, 20),
    Kind("a worker paused beyond its lease", workers.pause_a_worker, 15),
    Kind("the broker gone for 60 s", outages.broker_refuses, 2),
    Kind("the broker hung for 60 s", outages.broker_hangs, 2),
    Kind(
        "the database gone for 60 s", outages.database_refuses, 2, LONG, patient, engines=POSTGRESQL
    ),
    Kind(
        "the database hung for 60 s", outages.database_hangs, 2, LONG, patient, engines=POSTGRESQL
    ),
    Kind("the database locked for 60 s", outages.database_locked, 2, LONG, patient, engines=SQLITE),
    Kind(
        "the database only reads for 60 s",
        outages.database_only_reads,
        2,
        LONG,
        patient,
        engines=POSTGRESQL,
    ),
    Kind("a full disk", disk.fill_the_disk, 3, stand=disk.on_a_small_disk),
    Kind("a jump of the clock", clock.set_the_clock, 6, LONG, clock.with_a_clock),
    Kind("a worker killed for its memory", memory.kernel_kills_a_worker, 10, WIDE),
    Kind(
        "memory refused to PyTorch",
        memory.refuse_memory,
        30,
        WIDE,
        memory.with_refusals,
        excused=(NOT_ENOUGH,),
    ),
)
