"""Tags, notes, pins, the archive, deleting and restoring, and saved views, over REST."""

from typing import Any

import pytest
from sqlalchemy import func, select, update

from backend.store import Database, metric_storage, metric_summaries, transitions, vacuum
from backend.store import runs as stored_runs
from backend.store.tables import Experiment, Metric, Param, Run
from tests.api import Api, record_epochs
from tests.integration.test_api_run_lists import listed


@pytest.fixture
def runs(api: Api) -> list[int]:
    return api.run_ids(api.submit(model={"degree": [1, 2, 3]}))


def patch(api: Api, path: str, body: Any) -> dict[str, Any]:
    answer = api.request("PATCH", path, json=body)
    assert answer.status_code == 200, answer.text
    answered: dict[str, Any] = answer.json()
    return answered


def test_tags_and_notes_are_changed_one_by_one(api: Api, runs: list[int]) -> None:
    path = f"/api/runs/{runs[0]}"
    patch(api, path, {"tags": {"owner": "ann", "old": ""}, "note": "  looks odd \n"})
    item = patch(api, path, {"tags": {"owner": "bo", "old": None}})
    assert item["tags"] == {"owner": "bo"}
    assert item["note"] == "looks odd"
    assert listed(api, filter="tags.owner = bo and note like 'looks%'") == [runs[0]]
    assert patch(api, path, {"note": None})["note"] is None


def test_pinned_runs_come_first_and_archived_runs_are_hidden(api: Api, runs: list[int]) -> None:
    patch(api, f"/api/runs/{runs[0]}", {"pinned": True})
    patch(api, "/api/runs", {"runs": [runs[1]], "change": {"archived": True}})
    assert listed(api) == [runs[0], runs[2]]
    assert listed(api, shown="archived") == [runs[1]]
    assert api.run_ids(1) == runs, "an archived run is still part of its experiment"


def test_a_deleted_run_is_hidden_until_it_is_restored(api: Api, runs: list[int]) -> None:
    answer = api.request("DELETE", f"/api/runs/{runs[0]}").json()
    assert answer["deleted_at"]
    assert answer["status"] == "cancelled"
    assert listed(api) == runs[:0:-1]
    assert listed(api, shown="deleted") == [runs[0]]
    assert api.run_ids(1) == runs[1:]
    assert api.get("/api/experiments/1").json()["counts"]["cancelled"] == 0
    api.post(f"/api/runs/{runs[0]}/restore")
    assert api.run_ids(1) == runs


def test_deleting_a_training_run_makes_its_worker_cancel_it(api: Api, runs: list[int]) -> None:
    with api.database.write() as session:
        [held] = transitions.claim(session, runs[:1], worker="w", lease_seconds=60)
    api.request("DELETE", f"/api/runs/{runs[0]}")
    with api.database.write() as session:
        assert transitions.renew(session, [held.lease], lease_seconds=60) == {runs[0]: True}
        assert vacuum.remove(session, after_days=0) == 0, "not while it trains"


def test_a_filter_changes_all_matching_runs_or_none(api: Api, runs: list[int]) -> None:
    body = {"filter": "params.degree >= 2", "change": {"tags": {"wide": ""}}}
    assert patch(api, "/api/runs", body)["ids"] == runs[1:]
    assert listed(api, filter='tags.wide = ""') == runs[:0:-1]
    wrong = {"runs": [runs[0], 999], "change": {"pinned": True}}
    answer = api.request("PATCH", "/api/runs", json=wrong)
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no run 999.")
    assert not api.get(f"/api/runs/{runs[0]}").json()["pinned"]
    assert api.post("/api/runs/delete", json={"filter": ""}).json()["ids"] == runs
    assert listed(api) == []


def test_organising_an_experiment_includes_its_runs(api: Api, runs: list[int]) -> None:
    patch(api, "/api/experiments/1", {"archived": True, "tags": {"for": "paper"}})
    assert (listed(api), listed(api, shown="archived")) == ([], runs[::-1])
    assert api.get("/api/experiments").json()["items"] == []
    [item] = api.get("/api/experiments?shown=archived").json()["items"]
    assert item["tags"] == {"for": "paper"}
    api.post("/api/experiments/delete", json={"experiments": [1]})
    assert listed(api, shown="deleted") == []
    assert api.get("/api/experiments?shown=deleted").json()["items"][0]["counts"]["cancelled"] == 3
    conflict = api.post(f"/api/runs/{runs[0]}/restore")
    assert conflict.status_code == 409
    assert conflict.json()["detail"] == (
        f"Run {runs[0]} belongs to experiment 1, which is deleted; restore it first."
    )
    api.post("/api/experiments/1/restore")
    patch(api, "/api/experiments", {"experiments": [1], "change": {"archived": False}})
    assert listed(api) == runs[::-1]


def test_deleted_runs_are_erased_later_with_their_records(api: Api, runs: list[int]) -> None:
    record_epochs(api.database, 1, runs[0], range(1, 4))
    other_id = api.submit()
    api.request("DELETE", f"/api/runs/{runs[0]}")
    api.request("DELETE", f"/api/experiments/{other_id}")
    with api.database.write() as session:
        assert vacuum.remove(session, after_days=1) == 0
        assert vacuum.remove(session, after_days=0, limit=1) == 1
        while vacuum.remove(session, after_days=0):
            pass
        assert not vacuum.waits(session, after_days=0)
    assert rows(api.database) == {"runs": 2, "experiments": 1, "params": True, "metrics": 0}
    assert api.get(f"/api/runs/{runs[0]}").status_code == 404


def rows(database: Database) -> dict[str, Any]:
    with database.read() as session:
        params = set(session.scalars(select(Param.run_id)))
        return {
            "runs": session.scalar(select(func.count()).select_from(Run)),
            "experiments": session.scalar(select(func.count()).select_from(Experiment)),
            "params": params == set(session.scalars(select(Run.id))),
            "metrics": session.scalar(select(func.count()).select_from(Metric)),
        }


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/api/runs/1", {"pined": True}, "pined is true; accepted: nothing, there is no such"),
        ("/api/runs/1", {"note": "x" * 20_001}, "accepted: at most 20000 characters"),
        ("/api/runs/1", {"tags": {"a": "\x00"}}, "tags.a is"),
        ("/api/runs/1", {"tags": {f"t{i}": "" for i in range(51)}}, "tags"),
        ("/api/runs", {"change": {}}, "runs is missing; accepted: runs or a filter"),
        ("/api/runs", {"runs": ["one"], "change": {}}, "accepted: a whole number"),
        ("/api/runs", {"filter": "id == 1", "change": {}}, "At position 5 of the filter"),
    ],
)
def test_invalid_changes_are_refused(sqlite_api: Api, path: str, body: Any, words: str) -> None:
    sqlite_api.submit()
    answer = sqlite_api.request("PATCH", path, json=body)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_views_are_saved_replaced_listed_and_deleted(api: Api) -> None:
    query = {"filter": "verdict = overfitting", "order_by": "gap desc"}
    api.post("/api/views", json={"name": "Worst", "query": {}})
    saved = api.post("/api/views", json={"name": "Worst", "query": query})
    assert saved.status_code == 201
    [view] = api.get("/api/views").json()["items"]
    assert view["url"] == "/runs?filter=verdict+%3D+overfitting&order_by=gap+desc"
    assert api.get(view["url"].replace("/runs", "/api/runs")).status_code == 200
    assert api.request("DELETE", f"/api/views/{view['id']}").status_code == 204
    assert api.get("/api/views").json()["items"] == []
    wrong = api.post("/api/views", json={"name": "x", "query": {"filter": "nothing ="}})
    assert wrong.status_code == 422


def test_summaries_contain_the_values_at_the_best_epoch(api: Api, runs: list[int]) -> None:
    record_epochs(api.database, 1, runs[0], range(3, 6))
    with api.database.write() as session:
        metric_summaries.note_best(session, runs)
        assert metric_summaries.summaries(session, runs)[runs[0]]["val_loss"]["at_best"] == 3


def test_runs_of_a_deleted_experiment_cannot_be_retried(api: Api, runs: list[int]) -> None:
    with api.database.write() as session:
        session.execute(update(Run).where(Run.id == runs[0]).values(status="failed"))
    api.request("DELETE", "/api/experiments/1")
    for path in ("/api/experiments/1/retry", f"/api/runs/{runs[0]}/retry"):
        assert api.post(path).status_code == 409
    assert api.get(f"/api/runs/{runs[0]}").json()["status"] == "failed"


def test_a_cell_can_be_compared_after_its_first_run_is_deleted(sqlite_api: Api) -> None:
    single_id, _ = sqlite_api.run_ids(sqlite_api.submit(model={"degree": 1}, training={"seeds": 2}))
    sqlite_api.request("DELETE", f"/api/runs/{single_id}")
    assert sqlite_api.get(f"/compare?cells={single_id}").status_code == 200


def test_records_of_a_deleted_run_are_not_exported(api: Api, runs: list[int]) -> None:
    for run_id in runs[:2]:
        record_epochs(api.database, 1, run_id, range(1, 4), key=f"loss {run_id}")
    api.request("DELETE", f"/api/runs/{runs[0]}")
    with api.database.read() as session:
        assert metric_storage.keys_of(session, 1) == [f"loss {runs[1]}"]
        assert [run_id for run_id, _ in stored_runs.lengths(session, 1)] == runs[1:]


def test_an_experiment_is_renamed_and_the_name_can_be_undone(sqlite_api: Api) -> None:
    experiment_id = sqlite_api.submit(name="Before")
    path = f"/api/experiments/{experiment_id}"
    renamed = sqlite_api.request("PATCH", path, json={"name": "  After "}).json()
    assert renamed["name"] == "After"
    assert "After" in sqlite_api.get("/").text
    sqlite_api.post(f"/api/operations/{renamed['operation']}/undo")
    assert sqlite_api.get(path).json()["name"] == "Before"
    for name in ("", " ", "x" * 201, "two\nlines", 5, None):
        refused = sqlite_api.request("PATCH", path, json={"name": name})
        assert refused.status_code == (200 if name is None else 422), name


def test_the_name_of_another_logged_experiment_is_refused(sqlite_api: Api) -> None:
    create = "/api/2.0/mlflow/experiments/create"
    ids = [sqlite_api.post(create, json={"name": name}).json()["experiment_id"] for name in "ab"]
    answer = sqlite_api.request("PATCH", f"/api/experiments/{ids[1]}", json={"name": "a"})
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    assert sqlite_api.request("PATCH", f"/api/experiments/{ids[0]}", json={"name": "a"}).is_success


def test_the_report_has_note_and_tags(sqlite_api: Api) -> None:
    experiment_id = sqlite_api.submit()
    wanted = {"note": "Looks odd.", "tags": {"lesson": "3"}}
    sqlite_api.request("PATCH", f"/api/experiments/{experiment_id}", json=wanted)
    report = sqlite_api.get(f"/api/experiments/{experiment_id}/export?format=html").text
    assert "Looks odd." in report
    assert '<span class="tag">lesson: 3</span>' in report


def test_a_deleted_experiment_says_when_it_is_removed(sqlite_api: Api) -> None:
    experiment_id = sqlite_api.submit()
    sqlite_api.request("DELETE", f"/api/experiments/{experiment_id}")
    assert (
        "It will be removed for good on <time"
        in sqlite_api.get(f"/experiments/{experiment_id}").text
    )
