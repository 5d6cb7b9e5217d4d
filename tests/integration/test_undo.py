"""Undo of organising: the operation named in a response is reverted exactly."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from backend.api.curation import MAX_IDS
from backend.errors import Conflict
from backend.runs import curation, lifecycle
from backend.store import metric_summaries, transitions, undo_log, vacuum
from backend.store.curation import CurationChange, save_view, tags_of
from backend.store.engine import now_ms
from backend.store.tables import Edit, MetricSummary, Operation, Run
from tests.api import Api, record_epochs
from tests.integration.test_api_curation import patch
from tests.integration.test_api_run_lists import listed


@pytest.fixture
def runs(api: Api) -> list[int]:
    return api.run_ids(api.submit(model={"degree": [1, 2, 3]}))


def undo(api: Api, operation: int) -> dict[str, Any]:
    answer = api.post(f"/api/operations/{operation}/undo")
    assert answer.status_code == 200, answer.text
    outcome: dict[str, Any] = answer.json()
    return outcome


def tags(api: Api, ids: list[int]) -> list[dict[str, str]]:
    with api.database.read() as session:
        tags_by_run = tags_of(session, "run", ids)
    return [tags_by_run.get(id_, {}) for id_ in ids]


def test_undo_restores_the_earlier_values(api: Api, runs: list[int]) -> None:
    patch(api, f"/api/runs/{runs[0]}", {"tags": {"owner": "ann"}, "pinned": True})
    done = patch(
        api, "/api/runs", {"filter": "", "change": {"tags": {"owner": "bo"}, "pinned": True}}
    )
    assert tags(api, runs) == [{"owner": "bo"}] * 3
    assert undo(api, done["operation"]) == {"ids": runs, "operation": None, "left": []}
    assert tags(api, runs) == [{"owner": "ann"}, {}, {}]
    assert listed(api, filter="pinned = true") == runs[:1]


def test_undo_keeps_later_changes(api: Api, runs: list[int]) -> None:
    done = patch(api, "/api/runs", {"runs": runs, "change": {"note": "odd"}})
    patch(api, f"/api/runs/{runs[1]}", {"note": "not odd at all"})
    assert undo(api, done["operation"]) == {
        "ids": [runs[0], runs[2]], "operation": None, "left": [runs[1]]
    }  # fmt: skip
    assert listed(api, filter="note is not null") == [runs[1]]


def test_undo_of_a_deletion_skips_runs_deleted_before(api: Api, runs: list[int]) -> None:
    api.request("DELETE", f"/api/runs/{runs[0]}")
    done = api.post("/api/runs/delete", json={"runs": runs}).json()
    assert undo(api, done["operation"])["ids"] == runs[1:]
    assert listed(api, shown="deleted") == runs[:1]
    assert listed(api) == runs[:0:-1]


def test_undo_of_a_restoration_cancels_requeued_runs(api: Api, runs: list[int]) -> None:
    api.request("DELETE", f"/api/runs/{runs[0]}")
    done = api.post(f"/api/runs/{runs[0]}/restore").json()
    with api.database.write() as session:
        session.execute(update(Run).where(Run.id == runs[0]).values(status="queued"))
    undo(api, done["operation"])
    item = api.get(f"/api/runs/{runs[0]}").json()
    assert (item["status"], item["deleted_at"] is None) == ("cancelled", False)


def test_changes_of_an_experiment_are_undone(api: Api, runs: list[int]) -> None:
    done = patch(api, "/api/experiments/1", {"archived": True})
    assert listed(api) == []
    undo(api, done["operation"])
    assert listed(api) == runs[::-1]


def test_a_change_without_effect_is_not_an_operation(api: Api, runs: list[int]) -> None:
    assert patch(api, "/api/runs", {"runs": runs, "change": {"pinned": False}})["operation"] is None


def test_an_operation_can_be_undone_once_within_a_day(api: Api, runs: list[int]) -> None:
    first, second = (
        patch(api, f"/api/runs/{runs[0]}", {"note": note})["operation"] for note in ("one", "two")
    )
    undo(api, second)
    assert api.post(f"/api/operations/{second}/undo").status_code == 404
    with api.database.write() as session:
        day = undo_log.UNDO_HOURS * 3_600_000
        session.execute(update(Operation).values(created_at=now_ms() - day))
        vacuum.remove(session, after_days=30)
        assert session.scalar(select(Edit.before)) is None
    answer = api.post(f"/api/operations/{first}/undo")
    assert answer.status_code == 404
    assert answer.json()["detail"] == (
        f"There is no operation {first} to undo: it was undone, or is more than 24 hours old."
    )


@pytest.mark.parametrize("owner", ["run", "experiment"])
def test_an_undo_ignores_new_runs_that_reuse_ids(sqlite_api: Api, owner: str) -> None:
    api = sqlite_api  # SQLite reuses ids
    experiment_id = api.submit()
    note = {"note": "same"}
    operation = patch(api, f"/api/{owner}s/1", note)["operation"]
    api.request("DELETE", f"/api/experiments/{experiment_id}")
    with api.database.write() as session:
        vacuum.remove(session, after_days=0)
    assert api.submit() == experiment_id
    patch(api, f"/api/{owner}s/1", note)
    assert undo(api, operation)["ids"] == []


def test_runs_being_erased_are_not_restored(api: Api, runs: list[int]) -> None:
    operation = api.request("DELETE", f"/api/runs/{runs[0]}").json()["operation"]
    with (
        api.database.write() as session,
        pytest.raises(Conflict, match="can no longer be"),
    ):
        curation.restore(session, "run", runs[:1], deleted_days=0)
    with api.database.write() as session, pytest.raises(Conflict, match="more than 0 days ago"):
        curation.undo(session, operation, deleted_days=0)
    undo(api, operation)


def test_undo_restores_more_runs_than_a_request_may_name(sqlite_api: Api) -> None:
    api = sqlite_api
    [_, other_ids] = api.run_ids(api.submit())
    with api.database.write() as session:
        row = dict(session.execute(select(*Run.__table__.columns)).mappings().first() or {})
        new = [{**row, "id": 100 + i, "position": 100 + i} for i in range(MAX_IDS)]
        session.execute(insert(Run), new)
    done = patch(api, "/api/runs", {"filter": f"not id = {other_ids}", "change": {"pinned": True}})
    assert len(undo(api, done["operation"])["ids"]) == MAX_IDS + 1
    assert listed(api, filter="pinned = true") == []


def test_a_run_has_a_bounded_number_of_tags(api: Api, runs: list[int]) -> None:
    patch(api, f"/api/runs/{runs[0]}", {"tags": {f"t{i}": "" for i in range(50)}})
    body = {"runs": runs, "change": {"tags": {"one more": ""}}}
    answer = api.request("PATCH", "/api/runs", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "Run 1 would have 51 tags; accepted: up to 50."
    assert tags(api, runs)[1:] == [{}, {}]


def test_concurrent_writes_of_tags_and_views_succeed(api: Api, runs: list[int]) -> None:
    def write(value: int) -> int | None:
        with api.database.write() as session:
            wanted = CurationChange({"note": str(value)}, {"owner": str(value)})
            save_view(session, "One", {"filter": f"id = {value}"})
            return curation.change(session, "run", runs, wanted).operation

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(write, range(12)))
    assert len(set(done)) == 12
    [owner] = {run_tags["owner"] for run_tags in tags(api, runs)}
    assert listed(api, filter=f"note = '{owner}'") == runs[::-1]


def test_a_retried_run_loses_its_values_at_the_best_epoch(api: Api, runs: list[int]) -> None:
    record_epochs(api.database, 1, runs[0], range(3, 6))
    with api.database.write() as session:
        metric_summaries.note_best(session, runs)
        session.execute(update(Run).where(Run.id == runs[0]).values(status="failed"))
        lifecycle.retry(session, 1, runs[0])
        assert session.scalars(select(MetricSummary.at_best)).all() == [None]
        transitions.request_cancel(session, 1)
