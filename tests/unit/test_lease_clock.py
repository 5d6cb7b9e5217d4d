"""The lease clock: detects when the silence of workers cannot be measured."""

import pytest

from backend.scheduling.scheduler import LeaseClock

LEASE = 10


class Clocks:
    """Clocks of the process and of the database, moved by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ours, self.theirs = 1000.0, 5_000_000
        self.lease_clock = LeaseClock(LEASE)
        monkeypatch.setattr("backend.scheduling.scheduler.time.monotonic", lambda: self.ours)

    def look(
        self, *, after: float = 1, jump: float = 0, asking: float = 0, written: bool = True
    ) -> bool:
        """Let time pass, then read the database and write to it. Return whether leases hold."""
        self.ours += after
        self.lease_clock.start_reading()
        self.ours += asking
        self.theirs += int(1000 * (after + asking + jump))
        self.lease_clock.finish_reading(now=self.theirs)
        if written:
            self.lease_clock.confirm()
        else:
            self.lease_clock.record_failure()
        return self.lease_clock.can_be_trusted


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    begun = Clocks(monkeypatch)
    begun.look()
    return begun


@pytest.mark.parametrize("written", [True, False])
def test_leases_restart_at_the_first_successful_write(
    monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    clocks = Clocks(monkeypatch)
    assert not clocks.look(written=written)
    assert clocks.look() is written
    assert clocks.look()


def test_leases_are_kept_while_clocks_agree(clocks: Clocks) -> None:
    assert all(clocks.look(after=seconds) for seconds in (1, 1, 60, 1))


@pytest.mark.parametrize("jump", [3600, -3600])
def test_a_clock_that_jumps_is_noticed_once(clocks: Clocks, jump: float) -> None:
    assert clocks.look()
    assert not clocks.look(jump=jump)
    assert clocks.look()


def test_leases_restart_after_an_outage(clocks: Clocks) -> None:
    assert clocks.look()
    clocks.lease_clock.record_failure()
    assert not clocks.look(after=60)
    assert clocks.look()


def test_leases_restart_after_a_read_only_database(
    clocks: Clocks,
) -> None:
    assert clocks.look()
    for _ in range(60):
        clocks.look(written=False)
    assert not clocks.look()
    assert clocks.look()


def test_leases_restart_after_a_hanging_database(clocks: Clocks) -> None:
    assert clocks.look()
    assert not clocks.look(asking=60)


def test_a_slow_database_does_not_keep_runs_of_dead_workers(clocks: Clocks) -> None:
    known = [clocks.look(asking=LEASE) for _ in range(9)]
    assert not known[0]
    assert known.count(True) >= 6
