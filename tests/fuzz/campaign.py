"""Feeding mutated inputs to a target within limits of time and memory."""

import math
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from types import FrameType

from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS

MAX_SECONDS = 2.0  # of processor time, for one input
MAX_GROWTH_MB = 300
MEMORY_EVERY = 256  # inputs between two looks at the peak of memory, which take a millisecond each
KIB_PER_MB = 1024 * 1024 if sys.platform == "darwin" else 1024  # units of ru_maxrss


class Hang(BaseException):
    """An input took longer than MAX_SECONDS. Not an Exception, so that no reader catches it."""


class Broken(Exception):
    """An input broke the target."""


@dataclass(frozen=True)
class Outcome:
    """Figures of a campaign without a failure."""

    inputs: int
    seconds: float
    slowest_seconds: float
    growth_mb: float


def run(name: str, *, inputs: int, seed: int, seconds: float = math.inf) -> Outcome:
    """Feed inputs to a target, for a time at most. Raises Broken with the input that breaks it."""
    target = TARGETS[name]
    slowest, read_inputs, before, begun = 0.0, 0, _peak_mb(), time.monotonic()
    with target.open() as read, _alarm():
        since = time.thread_time()
        for number, data in enumerate(islice(mutated(target.examples, seed), inputs)):
            signal.setitimer(signal.ITIMER_VIRTUAL, MAX_SECONDS)
            try:
                read(data)
            except (Exception, Hang) as error:
                raise Broken(
                    f"{name}, input {number} of seed {seed}: {error!r}: {data!r}"
                ) from error
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            read_inputs += 1
            now = time.thread_time()
            slowest, since = max(slowest, now - since), now
            if read_inputs % MEMORY_EVERY and read_inputs != inputs:
                continue
            if _peak_mb() - before > MAX_GROWTH_MB:
                raise Broken(f"{name}, seed {seed}, one of {MEMORY_EVERY} to {number}: memory")
            if time.monotonic() - begun > seconds:
                break
    return Outcome(read_inputs, time.monotonic() - begun, slowest, _peak_mb() - before)


@contextmanager
def _alarm() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Hang(f"more than {MAX_SECONDS:g} s")

    previous = signal.signal(signal.SIGVTALRM, stop)
    yield
    signal.signal(signal.SIGVTALRM, previous)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MB
