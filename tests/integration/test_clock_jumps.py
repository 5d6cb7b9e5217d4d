"""The clock of the database jumps by hours while the product runs, in both directions."""

import re
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.compiler import compiles

from backend.access.expiry import remove_expired
from backend.scheduling.scheduler import Scheduler
from backend.store import Database, engine, transitions
from backend.store.engine import now_ms
from backend.store.tables import Run
from tests.api import SPEC, Api, record_epochs
from tests.tokens import OPERATOR, bearer, new_token, sign_in

LEASE_SECONDS = 10.0
HOUR = 3_600_000
JUMPS = [-5 * HOUR, 5 * HOUR]
Jump = Callable[[int], None]


@pytest.fixture
def jump(api: Api) -> Iterator[Jump]:
    """Return a function that moves the clock of the database by milliseconds."""
    yield from _jump(api)


@pytest.fixture
def jump_protected(protected: Api) -> Iterator[Jump]:
    """Return the same for a service that requires a token."""
    yield from _jump(protected)


def _jump(api: Api) -> Iterator[Jump]:
    clocks = {"sqlite": engine._sqlite_now, "postgresql": engine._postgresql_now}
    dialect = api.database.engine.dialect.name

    def move(milliseconds: int) -> None:
        moved = f"({clocks[dialect]()} + ({milliseconds}))"
        compiles(now_ms, dialect)(lambda *_, **__: moved)
        api.database.engine.clear_compiled_cache()

    yield move
    compiles(now_ms, dialect)(clocks[dialect])


@pytest.fixture
def scheduler(api: Api) -> Scheduler:
    """A scheduler that has run twice, so that it knows the clock."""
    dispatcher = api.app.state.dispatcher
    thread = Scheduler(api.database, dispatcher, deleted_days=30, lease_seconds=LEASE_SECONDS)
    thread.run_once()
    thread.run_once()
    return thread


def claim(database: Database, run_ids: list[int]) -> list[transitions.Lease]:
    with database.write() as session:
        claimed = transitions.claim(session, run_ids, worker="w", lease_seconds=LEASE_SECONDS)
        return [run.lease for run in claimed]


def states(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.scalars(select(Run.status)))


def remaining_seconds(database: Database) -> list[float]:
    """Return how long each lease still lasts by the clock of the database."""
    with database.read() as session:
        now = transitions.now(session)
        ends = session.scalars(select(Run.lease_expires_at).where(Run.status == "running"))
        return [(end - now) / 1000 for end in ends if end is not None]


@pytest.mark.parametrize("milliseconds", JUMPS)
def test_a_training_run_keeps_its_worker(
    api: Api, scheduler: Scheduler, jump: Jump, milliseconds: int
) -> None:
    leases = claim(api.database, api.run_ids(api.submit()))
    jump(milliseconds)
    scheduler.run_once()
    assert states(api.database) == {"running"}
    with api.database.write() as session:
        assert transitions.renew(session, leases, lease_seconds=LEASE_SECONDS)
    scheduler.run_once()
    assert states(api.database) == {"running"}


@pytest.mark.parametrize("milliseconds", JUMPS)
def test_a_lost_worker_is_noticed_after_one_lease(
    api: Api, scheduler: Scheduler, jump: Jump, milliseconds: int
) -> None:
    claim(api.database, api.run_ids(api.submit()))
    jump(milliseconds)
    scheduler.run_once()
    remaining = remaining_seconds(api.database)
    assert len(remaining) == 2
    assert all(0 < seconds <= LEASE_SECONDS for seconds in remaining)
    with api.database.write() as session:
        session.execute(update(Run).values(lease_expires_at=transitions.now(session) - 1))
    scheduler.run_once()
    assert states(api.database) == {"queued"}


@pytest.mark.parametrize("milliseconds", JUMPS)
def test_a_repeated_request_is_still_recognised(api: Api, jump: Jump, milliseconds: int) -> None:
    headers = {"Idempotency-Key": "one"}
    api.post("/api/experiments", json=SPEC, headers=headers)
    jump(milliseconds)
    repeated = api.post("/api/experiments", json=SPEC, headers=headers)
    assert repeated.headers["idempotent-replayed"] == "true"
    assert api.count_experiments() == 1


@pytest.mark.parametrize("milliseconds", JUMPS)
def test_pages_and_lists_answer(api: Api, jump: Jump, milliseconds: int) -> None:
    experiment_id = api.submit()
    run_id = api.run_ids(experiment_id)[0]
    claim(api.database, [run_id])
    jump(milliseconds)
    record_epochs(api.database, experiment_id, run_id, range(1, 3))
    pages = ("/", "/runs", "/status", f"/experiments/{experiment_id}", f"/runs/{run_id}")
    paths = (*pages, "/api/health", "/metrics", f"/api/runs/{run_id}")
    assert {path: api.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


@pytest.mark.parametrize("milliseconds", JUMPS)
def test_the_time_left_is_never_negative(api: Api, jump: Jump, milliseconds: int) -> None:
    experiment_id = api.submit()
    run_id = api.run_ids(experiment_id)[0]
    claim(api.database, [run_id])
    jump(milliseconds)
    record_epochs(api.database, experiment_id, run_id, range(1, 3), "train_loss")
    page = api.get(f"/experiments/{experiment_id}").text
    assert "time left not known yet" in page or "left" in page
    assert not re.search(r"-\d+(\.\d+)? (s|min|h|days?) left", page)


@pytest.mark.parametrize("milliseconds", JUMPS)
def test_tokens_and_sessions_stay_valid(
    protected: Api, jump_protected: Jump, milliseconds: int
) -> None:
    secret = new_token(protected, "ci", "submit", expires="1d")
    cookie = sign_in(protected, secret)
    jump_protected(milliseconds)
    protected.app.state.authenticator.forget()
    remove_expired(protected.database, protected.app.state.settings)
    for headers in (bearer(secret), cookie):
        assert protected.post("/api/experiments", json=SPEC, headers=headers).status_code == 201
    assert len(protected.get("/api/audit", headers=bearer(OPERATOR)).json()["items"]) == 2


def test_tokens_and_sessions_end_by_the_clock_of_the_database(
    protected: Api, jump_protected: Jump
) -> None:
    lasting, secret = (new_token(protected, name, expires=end) for name, end in TWO_TOKENS)
    cookie = sign_in(protected, lasting)
    jump_protected(8 * 24 * HOUR)
    protected.app.state.authenticator.forget()
    statuses = [
        protected.get("/api/runs", headers=headers).status_code
        for headers in (bearer(lasting), bearer(secret), cookie)
    ]
    assert statuses == [200, 401, 401]


TWO_TOKENS = [("lasting", "30d"), ("short", "1d")]


@pytest.mark.parametrize("milliseconds", JUMPS)
def test_deleted_runs_are_neither_erased_nor_lost(
    api: Api, scheduler: Scheduler, jump: Jump, milliseconds: int
) -> None:
    experiment_id = api.submit()
    api.request("DELETE", f"/api/experiments/{experiment_id}")
    jump(milliseconds)
    scheduler.erase_deleted()
    restored = api.post(f"/api/experiments/{experiment_id}/restore")
    assert restored.status_code == 200
