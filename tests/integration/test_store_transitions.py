"""Transitions of runs: claims, leases, reaping, cancelling and retrying, on real databases."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import update

from backend.runs import lifecycle
from backend.runs.states import ENDED, STATES, TRANSITIONS, State
from backend.specification import validate
from backend.specification.placement import Placement
from backend.store import (
    UNREACHABLE,
    Database,
    artifacts,
    changes,
    connections,
    curation,
    dispatch,
    experiments,
    runs,
    transitions,
    vacuum,
)
from backend.store.changes import NewChange
from backend.store.tables import Experiment, Run
from backend.store.transitions import Ending

LEASE = 60.0


@pytest.fixture
def run_ids(database: Database) -> list[int]:
    spec = validate({"dataset": {"source": "points"}, "training": {"seeds": 3}})
    with database.write() as session:
        return experiments.create_experiment(session, spec)[1]


def claim(database: Database, run_ids: list[int], seconds: float = LEASE) -> list[int]:
    with database.write() as session:
        claimed = transitions.claim(session, run_ids, worker="w", lease_seconds=seconds)
    return [claimed_run.lease.run_id for claimed_run in claimed]


def lease(database: Database, run_id: int, seconds: float = LEASE) -> transitions.Lease:
    with database.write() as session:
        return transitions.claim(session, [run_id], worker="w", lease_seconds=seconds)[0].lease


def state(database: Database, run_id: int) -> str:
    with database.read() as session:
        return runs.get(session, run_id).status


def test_a_run_is_claimed_once(database: Database, run_ids: list[int]) -> None:
    assert claim(database, run_ids[:2]) == run_ids[:2]
    assert claim(database, run_ids) == run_ids[2:]


def test_every_claim_increments_the_attempt(database: Database, run_ids: list[int]) -> None:
    first = lease(database, run_ids[0])
    with database.write() as session:
        transitions.end(session, [Ending(first, "queued")])
    assert lease(database, run_ids[0]).attempt == first.attempt + 1


def test_a_stale_attempt_can_neither_renew_nor_end(database: Database, run_ids: list[int]) -> None:
    stale = lease(database, run_ids[0])
    with database.write() as session:
        transitions.end(session, [Ending(stale, "queued")])
    held = lease(database, run_ids[0])
    with database.write() as session:
        assert transitions.renew(session, [stale], lease_seconds=LEASE) == {}
        transitions.end(session, [Ending(stale, "finished")])
        assert transitions.renew(session, [held], lease_seconds=LEASE) == {run_ids[0]: False}


def test_only_expired_leases_are_reaped(database: Database, run_ids: list[int]) -> None:
    claim(database, run_ids[:1], seconds=-1)
    claim(database, run_ids[1:2])
    with database.write() as session:
        assert [freed.run_id for freed in transitions.reap(session)] == run_ids[:1]
    assert state(database, run_ids[0]) == "queued"
    assert state(database, run_ids[1]) == "running"


def test_an_expired_run_with_a_pending_cancellation_is_cancelled(
    database: Database, run_ids: list[int]
) -> None:
    experiment_id = lease(database, run_ids[0], seconds=-1).experiment_id
    with database.write() as session:
        lifecycle.cancel(session, experiment_id)
        transitions.reap(session)
    assert state(database, run_ids[0]) == "cancelled"


def test_a_run_that_repeatedly_loses_its_worker_fails(
    database: Database, run_ids: list[int]
) -> None:
    for _ in range(transitions.MAX_WORKERS_LOST):
        assert state(database, run_ids[0]) == "queued"
        lease(database, run_ids[0], seconds=-1)
        with database.write() as session:
            lifecycle.reap(session)
    with database.read() as session:
        run = runs.get(session, run_ids[0])
    assert (run.status, run.error) == ("failed", transitions.LOST)


def test_progress_resets_the_count_of_lost_workers(database: Database, run_ids: list[int]) -> None:
    for epoch in range(1, transitions.MAX_WORKERS_LOST + 2):
        lease(database, run_ids[0], seconds=-1)
        with database.write() as session:
            runs.store_progress(session, [runs.RunProgress(run_ids[0], epoch=epoch)])
            lifecycle.reap(session)
    assert state(database, run_ids[0]) == "queued"


@pytest.mark.parametrize("lost", [1, 2])
def test_runs_that_lost_workers_are_sent_alone_and_last(
    database: Database, run_ids: list[int], lost: int
) -> None:
    for _ in range(lost):
        lease(database, run_ids[1], seconds=-1)
        with database.write() as session:
            lifecycle.reap(session)
    other_runs, alone = [run_ids[0], run_ids[2]], [run_ids[1]]
    with database.write() as session:
        dispatch.set_groups(session, [run_ids])
        groups = dispatch.next_groups(session, Placement(), 10, sent_before_seconds=60)
    assert groups == ([alone, other_runs] if lost == 1 else [other_runs, alone])


def test_cancelling_a_requeued_run_closes_it(database: Database, run_ids: list[int]) -> None:
    held = lease(database, run_ids[0])
    with database.write() as session:
        runs.store_progress(session, [runs.RunProgress(run_ids[0], epoch=7)])
        artifacts.put_checkpoints(session, [(run_ids[0], 7, b"")])
        transitions.end(session, [Ending(held, "queued")])
        lifecycle.cancel(session, held.experiment_id)
    with database.read() as session:
        assert runs.get(session, run_ids[0]).verdict == "not assessable"
        assert artifacts.checkpoints(session, run_ids[:1]) == {}


def test_cancelling_ends_queued_runs_and_signals_running_runs(
    database: Database, run_ids: list[int]
) -> None:
    held = lease(database, run_ids[0])
    with database.write() as session:
        lifecycle.cancel(session, held.experiment_id)
        assert transitions.renew(session, [held], lease_seconds=LEASE) == {run_ids[0]: True}
    assert state(database, run_ids[1]) == "cancelled"
    with database.read() as session:
        logged = changes.changes_since(session, 0, experiment_id=held.experiment_id)
    assert [(change.run_id, change.kind) for change in logged] == [
        (run_id, "status") for run_id in run_ids[1:]
    ]


@pytest.mark.parametrize("target", STATES)
@pytest.mark.parametrize("current", STATES)
def test_end_follows_the_transition_table(
    database: Database, run_ids: list[int], current: State, target: State
) -> None:
    held = lease(database, run_ids[0])
    with database.write() as session:
        session.execute(update(Run).where(Run.id == held.run_id).values(status=current))
        transitions.end(session, [Ending(held, target)])
    # end() acts for a lease holder, so only running runs can end
    allowed = current == "running" and target in TRANSITIONS["running"]
    assert state(database, held.run_id) == (target if allowed else current)


def test_only_failed_runs_leave_an_end_state() -> None:
    assert {ended: TRANSITIONS[ended] for ended in ENDED} == {
        "finished": set(), "cancelled": {"queued"}, "failed": {"queued"}, "lost": set()
    }  # fmt: skip


@pytest.mark.parametrize("current", STATES)
def test_retry_follows_the_transition_table(
    database: Database, run_ids: list[int], current: State
) -> None:
    experiment_id = lease(database, run_ids[0]).experiment_id
    with database.write() as session:
        session.execute(update(Run).where(Run.id == run_ids[0]).values(status=current))
        amount = lifecycle.retry(session, experiment_id)
    allowed = current == "failed"
    assert (amount, state(database, run_ids[0])) == (int(allowed), "queued" if allowed else current)


def test_a_retried_run_is_queued_and_keeps_its_epochs(
    database: Database, run_ids: list[int]
) -> None:
    held = lease(database, run_ids[0])
    with database.write() as session:
        runs.store_progress(session, [runs.RunProgress(run_ids[0], epoch=7, early_stop_epoch=5)])
        transitions.end(session, [Ending(held, "failed", "It broke.")])
        lifecycle.close(session, run_ids[:1])
        lifecycle.retry(session, held.experiment_id, run_ids[0])
    with database.read() as session:
        run = runs.get(session, run_ids[0])
        assert (run.status, run.epoch, run.attempt) == ("queued", 7, held.attempt)
        left = (run.error, run.ended_at, run.verdict, run.diagnosis, run.early_stop_epoch)
        assert left == (None,) * 5
    assert lease(database, run_ids[0]).attempt == held.attempt + 1


def test_a_stale_writer_cannot_end_a_retry(database: Database, run_ids: list[int]) -> None:
    stale = lease(database, run_ids[0])
    with database.write() as session:
        transitions.end(session, [Ending(stale, "failed")])
        lifecycle.retry(session, stale.experiment_id)
    lease(database, run_ids[0])
    with database.write() as session:
        transitions.end(session, [Ending(stale, "finished")])
    assert state(database, run_ids[0]) == "running"


def test_a_client_paused_in_a_statement_loses_its_transaction(postgresql_url: str) -> None:
    asleep, awake = Database(postgresql_url, transaction_seconds=1), Database(postgresql_url)
    with awake.write() as session:
        run_ids = experiments.create_experiment(
            session, validate({"dataset": {"source": "points"}})
        )[1]
    with pytest.raises(UNREACHABLE), asleep.write() as session:
        transitions.claim(session, run_ids, worker="asleep", lease_seconds=LEASE)
        driver: Any = session.connection().connection.driver_connection
        with (
            driver.pipeline(),
            driver.cursor() as cursor,
        ):  # the server waits for the rest of the statement
            cursor.execute("SELECT 1")
            assert claim(awake, run_ids) == run_ids
    driver.close()
    asleep.dispose()
    awake.dispose()


def test_a_client_paused_in_a_transaction_loses_it(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep, awake = Database(postgresql_url), Database(postgresql_url)
    spec = validate({"dataset": {"source": "points"}})
    with awake.write() as session:  # connects before the lock is taken
        run_ids = experiments.create_experiment(session, spec)[1]
    monkeypatch.setitem(connections.SESSION_SETTINGS, "idle_in_transaction_session_timeout", "200")
    with pytest.raises(UNREACHABLE), asleep.write() as session:
        transitions.claim(session, run_ids, worker="asleep", lease_seconds=LEASE)
        assert claim(awake, run_ids) == run_ids  # waits until the locks are released
    asleep.dispose()
    awake.dispose()


@pytest.fixture
def two_workers(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Database, Database]]:
    """Connections of a worker that is paused, and of others with a short lock timeout."""
    monkeypatch.setitem(connections.SESSION_SETTINGS, "lock_timeout", "300")
    asleep, awake = Database(postgresql_url), Database(postgresql_url)
    yield asleep, awake
    asleep.dispose()
    awake.dispose()


def lose(database: Database, seeds: int) -> list[transitions.Lease]:
    """Claim the runs of a new experiment for a worker that is then lost."""
    spec = validate({"dataset": {"source": "points"}, "training": {"seeds": seeds}})
    with database.write() as session:
        _, ids = experiments.create_experiment(session, spec)
        claimed = transitions.claim(session, ids, worker="dead", lease_seconds=-1)
    return [claimed_run.lease for claimed_run in claimed]


def test_restarting_leases_does_not_shorten_them(database: Database, run_ids: list[int]) -> None:
    (run_id,) = claim(database, run_ids[:1])
    with database.write() as session:
        transitions.restart_leases(session, lease_seconds=-1, shorten=False)
        assert transitions.reap(session) == []
        transitions.restart_leases(session, lease_seconds=-1)
        assert [freed.run_id for freed in transitions.reap(session)] == [run_id]


def test_a_worker_paused_in_a_write_does_not_block_reaping_other_runs(
    two_workers: tuple[Database, Database],
) -> None:
    asleep, awake = two_workers
    (first, second), [other_run] = lose(awake, 2), lose(awake, 1)
    with asleep.write() as session:
        transitions.renew(session, [first], lease_seconds=-1)
        with awake.write() as scheduler:
            transitions.restart_leases(scheduler, lease_seconds=-1)
            assert [freed.run_id for freed in lifecycle.reap(scheduler)] == [
                second.run_id,
                other_run.run_id,
            ]
            dispatch.mark_sent(scheduler, [first.run_id, second.run_id])
    with awake.write() as scheduler:
        assert [freed.run_id for freed in lifecycle.reap(scheduler)] == [first.run_id]


def test_a_worker_paused_in_the_change_log_blocks_only_its_experiment(
    two_workers: tuple[Database, Database],
) -> None:
    asleep, awake = two_workers
    (first, _), [other_run] = lose(awake, 2), lose(awake, 1)
    with asleep.write() as session:
        changes.log(session, first.experiment_id, [NewChange(first.run_id, "status")])
        with awake.write() as scheduler:
            assert [freed.run_id for freed in lifecycle.reap(scheduler)] == [other_run.run_id]
    with awake.write() as scheduler:
        assert len(lifecycle.reap(scheduler)) == 2


def test_nothing_is_erased_while_an_organising_request_waits(
    two_workers: tuple[Database, Database],
) -> None:
    asleep, awake = two_workers
    [lost] = lose(awake, 1)
    with awake.write() as session:
        experiment = session.get_one(Experiment, lost.experiment_id)
        transitions.end(session, [Ending(lost, "finished")])
        experiment.deleted_at = 1
    with asleep.write() as session:
        curation.lock(session)
        with awake.write() as scheduler:
            assert vacuum.remove(scheduler, after_days=1) == 0
    with awake.write() as scheduler:
        assert vacuum.remove(scheduler, after_days=1) == 1
