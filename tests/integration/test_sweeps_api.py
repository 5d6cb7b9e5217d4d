"""Sweeps over REST: planned runs are claimed by lease, reported, cancelled and retried."""

import time
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from backend.runs import lifecycle
from backend.store.tables import Run
from backend.tracking.live_verdicts import LiveVerdicts
from tests.api import Api
from tests.external import start_run

DIGEST = "0" * 64
AGENT, OTHER = "agent-one", "agent-two"
ONE: dict[str, Any] = {"seeds": None, "axes": {"width": ["8"]}, "options": {}}  # a single run


def sweep(api: Api, **fields: Any) -> int:
    response = post_sweep(api, **fields)
    assert response.status_code == 201, response.text
    return int(response.json()["id"])


def post_sweep(api: Api, **fields: Any) -> httpx.Response:
    body = {
        "name": "digits", "axes": {"n_train": ["100", "1000"], "width": ["8"]}, "seeds": 2,
        "options": {"n_train": "n-train"}, "command_digest": DIGEST,
    }  # fmt: skip
    return api.post("/api/sweeps", json={**body, **fields})


def claim(api: Api, agent: str = AGENT, slots: int = 1, **fields: Any) -> list[Any]:
    body = {"agent": agent, "slots": slots, **fields}
    response = api.post("/api/agents/claim", json=body)
    assert response.status_code == 200, response.text
    return list(response.json()["runs"])


def sign(grant: Any, **fields: Any) -> dict[str, Any]:
    return {"run_id": grant["run_id"], "attempt": grant["attempt"], **fields}


def beat(api: Api, grant: Any, agent: str = AGENT, **fields: Any) -> list[Any]:
    body = {"agent": agent, "runs": [sign(grant, **fields)]}
    response = api.post("/api/agents/heartbeat", json=body)
    assert response.status_code == 200, response.text
    return list(response.json()["runs"])


def report(api: Api, grant: Any, state: str, agent: str = AGENT, **fields: Any) -> httpx.Response:
    body = {"agent": agent, "run": sign(grant), "state": state, **fields}
    return api.post("/api/agents/report", json=body)


def run_of(api: Api, grant: Any) -> Any:
    return api.get(f"/api/runs/{grant['run_id']}").json()


def log(api: Api, grant: Any, *steps: int) -> httpx.Response:
    now = time.time_ns() // 1_000_000
    metrics = [
        {"key": key, "value": 1 / (1 + step), "timestamp": now, "step": step}
        for step in steps
        for key in ("train_loss", "val_loss")
    ]
    body = {"run_id": grant["external_id"], "metrics": metrics}
    return api.post("/api/2.0/mlflow/runs/log-batch", json=body)


def steps_of(api: Api, grant: Any) -> list[int]:
    stored = api.get(f"/api/runs/{grant['run_id']}/metrics").json()
    return list(stored["val_loss"]["steps"]) if "val_loss" in stored else []


def expire(api: Api) -> None:
    """Let all leases expire and take the runs back."""
    with api.database.write() as session:
        session.execute(update(Run).values(lease_expires_at=1).where(Run.status == "running"))
        lifecycle.reap(session)


def test_a_sweep_has_queued_runs_with_params_under_their_own_names(api: Api) -> None:
    id_ = sweep(api)
    items = api.get(f"/api/experiments/{id_}/runs").json()["items"]
    assert [item["params"] for item in items[:2]] == [
        {"n_train": "100", "width": "8", "seed": seed} for seed in ("0", "1")
    ]
    assert [item["status"] for item in items] == ["queued"] * 4
    assert api.get(f"/api/experiments/{id_}").json()["status"] == "queued"


def test_a_claim_grants_each_run_once(api: Api) -> None:
    id_ = sweep(api)
    grants = claim(api, slots=3, experiment=id_) + claim(api, OTHER, slots=3, experiment=id_)
    assert len({grant["run_id"] for grant in grants}) == len(grants) == 4
    assert grants[0]["options"] == {"n_train": "n-train", "width": "width", "seed": "seed"}
    assert run_of(api, grants[0])["status"] == "running"


def test_a_claim_whose_answer_was_lost_is_granted_again(sqlite_api: Api) -> None:
    sweep(sqlite_api)
    [first] = claim(sqlite_api)
    [again] = claim(sqlite_api)
    assert again == first
    [second] = claim(sqlite_api, holding=[first["run_id"]])
    assert second["run_id"] != first["run_id"]


def test_an_agent_claims_only_runs_of_its_command(sqlite_api: Api) -> None:
    id_ = sweep(sqlite_api)
    assert claim(sqlite_api, command_digest="1" * 64) == []
    body = {"agent": AGENT, "slots": 1, "experiment": id_, "command_digest": "1" * 64}
    answer = sqlite_api.post("/api/agents/claim", json=body)
    assert (answer.status_code, answer.json()["field"]) == (409, "command")


def test_a_lost_agent_gives_its_run_back_without_its_points(api: Api) -> None:
    sweep(api, **ONE)
    [first] = claim(api)
    log(api, first, 0, 1, 2)
    expire(api)
    assert run_of(api, first)["status"] == "queued"
    [second] = claim(api, OTHER)
    assert (second["run_id"], second["attempt"]) == (first["run_id"], 2)
    log(api, second, 0)
    assert steps_of(api, second) == [0]


def test_what_an_old_attempt_sends_is_refused(api: Api) -> None:
    sweep(api, **ONE)
    [first] = claim(api)
    expire(api)
    [second] = claim(api, OTHER)
    assert log(api, first, 5).status_code == 404
    assert beat(api, first) == []
    assert report(api, first, "finished").status_code == 409
    assert run_of(api, second)["status"] == "running"
    assert steps_of(api, second) == []


def test_a_report_ends_the_run_and_may_be_repeated(api: Api) -> None:
    sweep(api, **ONE)
    [grant] = claim(api)
    log(api, grant, *range(30))
    assert report(api, grant, "finished", exit_code=0).status_code == 200
    assert report(api, grant, "finished", exit_code=0).status_code == 200
    run = run_of(api, grant)
    assert (run["status"], run["epoch"], run["verdict"] is not None) == ("finished", 30, True)


def test_the_client_does_not_decide_the_state_of_a_planned_run(sqlite_api: Api) -> None:
    sweep(sqlite_api)
    [grant] = claim(sqlite_api)
    body = {"run_id": grant["external_id"], "status": "FINISHED", "end_time": 5}
    assert sqlite_api.post("/api/2.0/mlflow/runs/update", json=body).status_code == 200
    assert run_of(sqlite_api, grant)["status"] == "running"


def test_a_failure_has_its_reason_and_can_be_retried(api: Api) -> None:
    id_ = sweep(api, **ONE)
    [grant] = claim(api)
    log(api, grant, 0)
    report(api, grant, "failed", exit_code=3, error="The command ended with exit code 3.")
    assert run_of(api, grant)["error"] == "The command ended with exit code 3."
    assert api.post(f"/api/experiments/{id_}/retry").status_code == 202
    [again] = claim(api)
    assert (again["attempt"], steps_of(api, again)) == (2, [])
    assert run_of(api, again)["error"] is None


def test_cancelling_ends_waiting_runs_and_asks_the_agent(api: Api) -> None:
    id_ = sweep(api)
    [grant] = claim(api)
    assert api.post(f"/api/experiments/{id_}/cancel").json()["counts"]["cancelled"] == 3
    assert beat(api, grant)[0]["cancel"] is True
    report(api, grant, "cancelled", exit_code=-15)
    assert api.get(f"/api/experiments/{id_}").json()["counts"]["cancelled"] == 4


def test_a_cancelled_run_of_a_lost_agent_is_not_started_again(sqlite_api: Api) -> None:
    id_ = sweep(sqlite_api)
    claim(sqlite_api)
    sqlite_api.post(f"/api/experiments/{id_}/cancel")
    expire(sqlite_api)
    assert sqlite_api.get(f"/api/experiments/{id_}").json()["status"] == "cancelled"


def test_a_run_that_takes_three_agents_with_it_fails(sqlite_api: Api) -> None:
    sweep(sqlite_api, **ONE)
    for _ in range(3):
        [grant] = claim(sqlite_api)
        expire(sqlite_api)
    run = run_of(sqlite_api, grant)
    assert (run["status"], run["error"][:26]) == ("failed", "Stopped because 3 agents i")


def test_a_run_that_logs_survives_any_number_of_agents(sqlite_api: Api) -> None:
    sweep(sqlite_api, **ONE)
    for _ in range(5):
        [grant] = claim(sqlite_api)
        log(sqlite_api, grant, 0)
        expire(sqlite_api)
    assert run_of(sqlite_api, grant)["status"] == "queued"


def test_a_run_is_stopped_at_the_verdict(sqlite_api: Api) -> None:
    sweep(sqlite_api, stop_when="overfitting")
    [grant] = claim(sqlite_api)
    assert beat(sqlite_api, grant)[0]["stop"] is None
    with sqlite_api.database.write() as session:
        session.execute(update(Run).values(verdict="overfitting", kind="gap"))
    assert beat(sqlite_api, grant)[0]["stop"] is None  # more training does no harm
    with sqlite_api.database.write() as session:
        session.execute(update(Run).values(kind="past best"))
    assert beat(sqlite_api, grant)[0]["stop"] == "overfitting"
    report(sqlite_api, grant, "finished", exit_code=-15, stopped_by="overfitting")
    assert run_of(sqlite_api, grant)["tags"]["sweep.stopped_by"] == "overfitting"


def console(api: Api, grant: Any, after: int = 0) -> Any:
    return api.get(f"/api/runs/{grant['run_id']}/console?after={after}").json()


def test_output_is_kept_once_however_often_it_is_sent(api: Api) -> None:
    sweep(api)
    [grant] = claim(api)
    beat(api, grant, output={"start": 0, "text": "one é "})
    beat(api, grant, output={"start": 0, "text": "one é two"})
    kept = console(api, grant)
    assert (kept["text"], kept["end"], kept["omitted"]) == ("one é two", 10, 0)
    assert console(api, grant, after=7)["text"] == "two"


def test_the_first_and_the_last_part_of_much_output_are_kept(sqlite_api: Api) -> None:
    sweep(sqlite_api)
    [grant] = claim(sqlite_api)
    for part in range(12):
        beat(sqlite_api, grant, output={"start": part * 200_000, "text": f"{part:<200000}"})
    kept = console(sqlite_api, grant)
    assert kept["text"].startswith("0 ")
    assert f"... {kept['omitted']:,} bytes were not kept ..." in kept["text"]
    assert 1_048_576 <= len(kept["text"].encode()) < 1_400_000


def test_a_new_attempt_has_new_output(sqlite_api: Api) -> None:
    sweep(sqlite_api, **ONE)
    [first] = claim(sqlite_api)
    beat(sqlite_api, first, output={"start": 0, "text": "first"})
    expire(sqlite_api)
    [second] = claim(sqlite_api)
    beat(sqlite_api, second, output={"start": 0, "text": "second"})
    assert console(sqlite_api, second)["text"] == "second"


def test_a_taken_name_gets_a_number(sqlite_api: Api) -> None:
    sweep(sqlite_api)
    assert post_sweep(sqlite_api).json()["name"] == "digits (2)"


def test_trackio_entries_of_a_command_land_in_its_run(api: Api) -> None:
    sweep(api)
    [grant] = claim(api)
    entry = {
        "project": "mine", "run": "x", "run_id": "y", "step": 3, "log_id": "z",
        "metrics": {"val_loss": 0.5}, "config": {"width": 8, "lr": 0.1},
    }  # fmt: skip
    url = f"/trackio/{grant['external_id']}"
    assert api.get(f"{url}/version").json()["api_version"] == 1
    assert api.post(f"{url}/api/bulk_log", json={"kwargs": {"logs": [entry]}}).status_code == 200
    assert steps_of(api, grant) == [3]
    assert run_of(api, grant)["params"]["lr"] == "0.1"
    assert len(api.get("/api/experiments").json()["items"]) == 1


def test_a_planned_param_may_be_logged_as_another_text_of_the_same_number(sqlite_api: Api) -> None:
    sweep(sqlite_api, axes={"lr": ["1e-3"]}, options={})
    [grant] = claim(sqlite_api)
    url, id_ = "/api/2.0/mlflow/runs/log-parameter", grant["external_id"]
    same = {"run_id": id_, "key": "lr", "value": "0.001"}
    assert sqlite_api.post(url, json=same).status_code == 200
    assert sqlite_api.post(url, json={**same, "value": "0.002"}).status_code == 400
    assert run_of(sqlite_api, grant)["params"]["lr"] == "1e-3"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"axes": {}, "seeds": None, "options": {}}, "The sweep has 0 axes"),
        ({"axes": {"n train": ["1"]}, "options": {}}, "The axis 'n train' is not a name"),
        ({"axes": {"width": []}, "options": {}}, "width has no values"),
        ({"axes": {"width": [""]}, "options": {}}, "width is empty"),
        ({"axes": {"width": ["8", "8"]}, "options": {}}, "width lists '8' twice"),
        ({"axes": {"seed": ["8"]}, "options": {}}, "seeds and the axis seed are both given"),
        ({"seeds": 0}, "seeds is 0"),
        ({"seeds": 5001}, "The sweep has 10,002 runs; accepted: up to 10,000"),
        ({"options": {"width": "--x y"}}, "options.width is '--x y'"),
        ({"stop_when": "bored"}, "stop_when is 'bored'"),
    ],
)
def test_bad_input_gets_a_sentence_and_nothing_is_stored(
    sqlite_api: Api, fields: dict[str, Any], sentence: str
) -> None:
    answer = post_sweep(sqlite_api, **fields)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(sentence)
    assert sqlite_api.count_experiments() == 0


def test_workers_are_not_sent_planned_runs(sqlite_api: Api) -> None:
    sweep(sqlite_api)
    assert sqlite_api.app.state.dispatcher.dispatch() is None
    assert sqlite_api.get("/api/health").json()["queued"] == 0


def page(api: Api, path: str) -> str:
    answer = api.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_pages_of_a_sweep_show_its_progress_and_its_output(sqlite_api: Api) -> None:
    id_ = sweep(sqlite_api)
    assert "4 runs waiting for an agent" in page(sqlite_api, f"/experiments/{id_}")
    assert f"lab agent --experiment {id_}" in page(sqlite_api, f"/experiments/{id_}")
    grants = claim(sqlite_api, slots=2)
    log(sqlite_api, grants[0], *range(10))
    LiveVerdicts(sqlite_api.database).run_once()
    report(sqlite_api, grants[0], "finished", exit_code=0)
    log(sqlite_api, grants[1], *range(5))
    LiveVerdicts(sqlite_api.database).run_once()
    text = page(sqlite_api, f"/experiments/{id_}")
    assert "1 of 4 runs done, 15 epochs so far" in text
    assert "Cancel experiment" in text
    beat(sqlite_api, grants[1], output={"start": 0, "text": "\x1b[31m10%\r20%\x1b[0m\nit's <b>\n"})
    text = page(sqlite_api, f"/runs/{grants[1]['run_id']}")
    assert ">20%\nit&#39;s &lt;b&gt;" in text
    assert "Cancel this run" in text


def test_a_single_run_can_be_cancelled(sqlite_api: Api) -> None:
    id_ = sweep(sqlite_api)
    [grant] = claim(sqlite_api)
    assert sqlite_api.post(f"/api/runs/{grant['run_id']}/cancel").status_code == 202
    assert beat(sqlite_api, grant)[0]["cancel"] is True
    assert sqlite_api.get(f"/api/experiments/{id_}").json()["counts"]["queued"] == 3


def test_a_run_of_another_program_cannot_be_cancelled(sqlite_api: Api) -> None:
    run = start_run(sqlite_api.database)
    answer = sqlite_api.post(f"/api/runs/{run.run_id}/cancel")
    assert (answer.status_code, answer.json()["detail"]) == (
        409, f"Run {run.run_id} cannot be cancelled: another program started it.",
    )  # fmt: skip


def read(api: Api, grant: Any, *steps: int) -> bool:
    values = [None if step == 1 else 0.5 for step in steps]
    series = {"val_loss": {"steps": steps, "values": values}}
    body = {"agent": AGENT, "run": sign(grant), "series": series}
    response = api.post("/api/agents/reading", json=body)
    assert response.status_code == 200, response.text
    return bool(response.json()["stored"])


def test_a_reading_of_the_output_replaces_the_one_before(api: Api) -> None:
    sweep(api)
    [grant] = claim(api)
    assert read(api, grant, 0, 1)
    assert read(api, grant, 1, 2, 3)
    assert steps_of(api, grant) == [1, 2, 3]


def test_what_the_program_logs_counts_more_than_its_output(sqlite_api: Api) -> None:
    sweep(sqlite_api)
    [grant] = claim(sqlite_api)
    assert read(sqlite_api, grant, 0)
    log(sqlite_api, grant, 7)
    assert not read(sqlite_api, grant, 1, 2)
    assert 7 in steps_of(sqlite_api, grant)
