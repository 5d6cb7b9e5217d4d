"""Pages, charts, REST and exports of experiments whose runs other programs train."""

import csv
import io
import zipfile

import pytest
from sqlalchemy import select

from backend.store.external_search import DEFAULT_NAME
from backend.store.tables import Run
from backend.tracking.experiments import find_or_create
from tests.api import Api
from tests.external import Row, finished_run, log_rows, overfitting, start_run

PAGES = [
    "/", "/runs", "/experiments/1", "/experiments/1/live", "/runs/1", "/runs/1/live",
    "/runs/1/metric-list?search=LOSS", "/compare?runs=1,2", "/compare?cells=1,2",
    "/compare?runs=1,2&align=step", "/charts/runs/1/loss", "/charts/runs/1/metric?key=val_loss",
    "/charts/compare/val?cells=1,2", "/charts/small-curve?runs=1,2",
    "/charts/experiments/1/parallel", "/charts/experiments/1/cause",
    "/charts/experiments/1/learning-curve", "/charts/experiments/1/capacity-curve",
    "/charts/experiments/1/surface", "/charts/experiments/1/bias-variance",
    "/api/experiments/1", "/api/experiments/1/runs", "/api/experiments/1/analysis",
    "/api/experiments/1/bias-variance", "/api/runs/1", "/api/runs/1/diagnosis",
    "/api/runs/1/metrics", "/api/runs/1/metrics.csv", "/api/runs/1/early-stopping",
    "/api/runs/1/frames", "/api/experiments/1/export?format=html",
    "/api/experiments/1/export?format=csv", "/api/experiments/1/export?format=parquet",
]  # fmt: skip


@pytest.fixture
def grid(api: Api) -> Api:
    for width in (8, 32):
        for n_train in (100, 400):
            for seed in (0, 1):
                params = {"width": width, "n_train": n_train, "seed": seed}
                texts = {name: str(value) for name, value in params.items()}
                finished_run(api.database, params=texts)
    return api


def test_every_page_shows_finished_external_runs(grid: Api) -> None:
    statuses = {path: grid.get(path).status_code for path in PAGES}
    assert statuses == dict.fromkeys(PAGES, 200)


@pytest.mark.parametrize("rows", [[], [("training_score", 0, 1, 0.9)], overfitting(2)])
def test_every_page_shows_a_run_that_has_hardly_begun(api: Api, rows: list[Row]) -> None:
    run = start_run(api.database)
    if rows:
        log_rows(api.database, run, rows)
    paths = [path for path in PAGES if "1,2" not in path]
    assert {path: api.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


@pytest.mark.parametrize(
    "path", ["/experiments/new?from=1", "/api/experiments/1/export?format=spec"]
)
def test_there_is_no_specification_to_copy(api: Api, path: str) -> None:
    finished_run(api.database)
    response = api.get(path)
    assert response.status_code == 404
    assert "other programs" in response.text


def test_metrics_of_rest_are_those_that_were_logged(api: Api) -> None:
    finished_run(api.database, [("a", 1, 1, 0.5), ("a", -1, 2, 0.25), ("b", 0, 3, 1.0)])
    assert api.get("/api/runs/1/metrics").json() == {
        "a": {"steps": [-1, 1], "values": [0.25, 0.5]},
        "b": {"steps": [0], "values": [1.0]},
    }


def test_a_run_is_found_by_the_id_of_its_client(api: Api) -> None:
    run = finished_run(api.database)
    finished_run(api.database)
    found = api.get("/api/runs", params={"filter": f"external_id = '{run.external_id}'"})
    [item] = found.json()["items"]
    assert (item["id"], item["external_id"]) == (run.run_id, run.external_id)


def test_a_diagnosis_of_an_earlier_version_is_shown(sqlite_api: Api) -> None:
    finished_run(sqlite_api.database)
    with sqlite_api.database.write() as session:
        row = session.scalars(select(Run)).one()
        added = ("kind", "severity", "advice")
        row.diagnosis = {k: v for k, v in (row.diagnosis or {}).items() if k not in added}
    assert sqlite_api.get("/runs/1").status_code == 200
    assert sqlite_api.get("/api/runs/1/diagnosis").json()["advice"] == []


def test_metrics_are_downloaded_with_a_row_per_step_or_per_point(sqlite_api: Api) -> None:
    finished_run(sqlite_api.database, [("a", 1, 1, 0.5), ("b", 2, 2, 0.25)])
    wide, long = (
        sqlite_api.get("/api/runs/1/metrics.csv", params={"layout": layout}).text.split()
        for layout in ("wide", "long")
    )
    assert wide == ["step,a,b", "1,0.5,", "2,,0.25"]
    assert long == ["metric,step,value", "a,1,0.5", "b,2,0.25"]


def test_params_with_a_role_span_the_grid(grid: Api) -> None:
    page = grid.get("/experiments/1").text
    assert 'id="cell-0-1-1"' in page
    cells = grid.get("/api/experiments/1/analysis").json()["cells"]
    assert [cell["seeds"] for cell in cells] == [2] * 4


def test_epochs_that_count_from_0_are_all_counted(sqlite_api: Api) -> None:
    finished_run(sqlite_api.database, overfitting(60))
    run = sqlite_api.get("/api/runs/1").json()
    assert (run["epoch"], run["best_epoch"]) == (60, 20)
    assert "60 epochs, logged with MLflow" in sqlite_api.get("/runs/1").text
    stop = sqlite_api.get("/api/runs/1/early-stopping").json()
    assert (stop["epochs"], stop["epochs_saved"]) == (60, 59 - stop["epoch"])


def test_a_param_with_a_role_keeps_its_own_name(sqlite_api: Api) -> None:
    for hidden in ("8", "64"):
        for rate in ("0.1", "0.2"):
            params = {"hidden": hidden, "lr": rate}
            finished_run(sqlite_api.database, params=params)
    page = sqlite_api.get("/experiments/1").text
    assert '<th scope="col" class="amount">hidden</th>' in page
    assert 'popovertarget="setting-model-width"' not in page
    cause = sqlite_api.get("/charts/experiments/1/cause").text
    assert "hidden 8" in cause


def test_every_metric_has_its_value_at_the_best_epoch(sqlite_api: Api) -> None:
    rate = [("lr", epoch, 1000 * epoch, 1 / (1 + epoch)) for epoch in range(60)]
    finished_run(sqlite_api.database, [*overfitting(60), *rate])
    found = sqlite_api.get("/api/runs", params={"filter": "metrics.lr.best < 0.05"}).json()
    assert found["items"][0]["summary"]["lr"]["at_best"] == 1 / 21


def test_only_the_service_sets_the_tags_of_a_verdict(sqlite_api: Api) -> None:
    finished_run(sqlite_api.database)
    for value in ("good fit", None):
        body = {"tags": {"overfit.verdict": value}}
        response = sqlite_api.request("PATCH", "/api/runs/1", json=body)
        assert response.status_code == 422
        assert "overfit.verdict" in response.json()["detail"]
    own = sqlite_api.request("PATCH", "/api/runs/1", json={"tags": {"overfit.mine": "yes"}})
    assert own.status_code == 200
    tags = sqlite_api.get("/api/runs/1").json()["tags"]
    assert (tags["overfit.verdict"], tags["overfit.mine"]) == ("overfitting", "yes")


def test_the_comparison_shows_only_what_the_runs_have(sqlite_api: Api) -> None:
    for seed in ("0", "1"):
        finished_run(sqlite_api.database, params={"seed": seed})
    page = sqlite_api.get("/compare?runs=1,2").text
    assert "Lowest validation loss" in page
    assert "Test loss" not in page
    assert "test set" not in page


def test_losses_are_chosen_over_rest(api: Api) -> None:
    finished_run(api.database, [*overfitting(), *overfitting(9, train="a", validation="b")])
    wanted = {"train": "a", "validation": "b"}
    response = api.request("PUT", "/api/experiments/1/pairing", json=wanted)
    assert response.json()["pairing"] == wanted
    assert api.get("/api/runs/1").json()["epoch"] == 9


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("pairing", {"train": ""}),
        ("pairing", {"axis": "miles"}),
        ("pairing", {"loss": "a"}),
        ("roles", {"capacity": "none"}),
        ("roles", {"size": "n"}),
    ],
)
def test_an_invalid_choice_is_refused(api: Api, path: str, body: dict[str, str]) -> None:
    finished_run(api.database)
    response = api.request("PUT", f"/api/experiments/1/{path}", json=body)
    assert response.status_code == 422


def test_a_specification_has_no_losses_to_choose(api: Api) -> None:
    experiment_id = api.submit()
    response = api.request("PUT", f"/api/experiments/{experiment_id}/pairing", json={})
    assert response.status_code == 404


def test_the_metrics_of_a_run_are_searched(sqlite_api: Api) -> None:
    rows = [(f"layer{number}/norm", 0, 1, 1.0) for number in range(120)]
    finished_run(sqlite_api.database, [*rows, ("system/cpu", 0, 1, 1.0), ("100%_x", 0, 1, 1.0)])
    first = sqlite_api.get("/runs/1/metric-list").text
    assert "1 to 40 of 121" in first
    assert "1 to 1 of 1." in sqlite_api.get("/runs/1/metric-list?search=100%25_").text
    assert "1 to 1 of 1." in sqlite_api.get("/runs/1/metric-list?search=cpu&system=true").text
    assert "No metric has" in sqlite_api.get("/runs/1/metric-list?search=cpu").text


def test_a_failed_external_run_cannot_be_retried(api: Api) -> None:
    finished_run(api.database)
    response = api.post("/api/experiments/1/retry")
    assert response.status_code == 409
    assert "other programs" in response.json()["detail"]


def test_params_do_not_hide_columns_of_an_export(sqlite_api: Api) -> None:
    finished_run(sqlite_api.database, params={"status": "mine"})
    content = sqlite_api.get("/api/experiments/1/export?format=csv").content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        text = archive.read("experiment-1/runs.csv").decode()
        assert "experiment-1/spec.yaml" not in archive.namelist()
    [row] = csv.DictReader(io.StringIO(text))
    assert (row["status"], row["params.status"]) == ("finished", "mine")


def test_a_param_and_a_hyperparameter_of_one_name_are_found_together(api: Api) -> None:
    own = api.run_ids(api.submit(dataset={"source": "moons"}, model={"width": 32}))
    logged = finished_run(api.database, params={"width": "32", "net.width": "7"}).run_id
    found = api.get("/api/runs", params={"filter": "params.width = 32"}).json()["items"]
    assert {item["id"] for item in found} == {*own, logged}


@pytest.mark.parametrize("names", [("lr",), ("lr", "width"), ("n_train",), ("width", "n_params")])
def test_the_analysis_does_without_the_roles_that_no_param_has(
    sqlite_api: Api, names: tuple[str, ...]
) -> None:
    for number in range(3):
        finished_run(sqlite_api.database, params=dict.fromkeys(names, str(2 + number)))
    report = sqlite_api.get("/api/experiments/1/analysis").json()
    assert report["runs"] == 3
    assert " 0 parameters" not in str(report)
    assert " 0 training samples" not in str(report)
    assert sqlite_api.get("/experiments/1").status_code == 200
    for chart in ("cause", "capacity-curve", "learning-curve", "optimum-capacity", "surface"):
        assert sqlite_api.get(f"/charts/experiments/1/{chart}").status_code == 200


def test_a_chosen_role_spans_the_capacity_curve(sqlite_api: Api) -> None:
    for size in (4, 8, 16):
        finished_run(sqlite_api.database, params={"blocks": str(size)})
    assert sqlite_api.get("/api/experiments/1/analysis").json()["capacity_curves"] == []
    response = sqlite_api.request("PUT", "/api/experiments/1/roles", json={"capacity": "blocks"})
    assert response.json()["roles"]["capacity"] == "blocks"
    [curve] = sqlite_api.get("/api/experiments/1/analysis").json()["capacity_curves"]
    assert [point["value"] for point in curve["points"]] == [4, 8, 16]


def test_runs_are_compared_by_the_time_since_their_start(sqlite_api: Api) -> None:
    finished_run(sqlite_api.database, overfitting(11))
    chart = sqlite_api.get("/charts/compare/val?runs=1&align=time").json()
    times = list(chart["data"][0]["x"])
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= 11


def test_home_says_how_to_log_to_this_address(api: Api) -> None:
    page = api.get("/").text
    assert "export MLFLOW_TRACKING_URI=http://localhost\n" in page
    assert "export TRACKIO_SERVER_URL=http://localhost\n" in page


def test_home_lists_the_default_experiment_once_it_has_runs(api: Api) -> None:
    with api.database.write() as session:
        find_or_create(session, DEFAULT_NAME)
    assert ">Default<" not in api.get("/").text
    start_run(api.database, experiment=DEFAULT_NAME)
    assert ">Default<" in api.get("/").text
