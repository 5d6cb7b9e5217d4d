"""The analysis of a grid: REST, charts and sections of the page."""

import pytest
from sqlalchemy import update

from backend.store import metrics
from backend.store.tables import Run
from tests.api import Api

SIZES = [25, 50, 100, 200, 400]
WIDTHS = [2, 4, 8]
GRID = {
    "dataset": {"source": "moons", "n_train": SIZES},
    "model": {"family": "mlp", "width": WIDTHS, "depth": 1},
    "training": {"epochs": 4, "seeds": 2},
}


def finish(api: Api, experiment_id: int, *, runs: int | None = None) -> None:
    """Record four epochs of each run. Loss falls with data and width; the third epoch is best."""
    items = api.get(f"/api/experiments/{experiment_id}/runs?limit=1000").json()["items"][:runs]
    points = []
    for item in items:
        params = item["params"]
        n, width = params["dataset.n_train"], params["model.width"]
        best = (2 * n**-0.5 + 0.1 + 0.2 / width) * (1 + 0.01 * params["training.seed"])
        for step, factor in enumerate((2.0, 1.2, 1.0, 1.1), 1):
            for key, value in (("train_loss", 0.5 / step), ("val_loss", best * factor),
                               ("test_loss", best * factor * 1.1)):  # fmt: skip
                points.append(metrics.Point(item["id"], key, step, value, 0))
    with api.database.write() as session:
        metrics.record(session, points)
        session.execute(
            update(Run).where(Run.id.in_([item["id"] for item in items]))
            .values(status="finished", epoch=4, ended_at=1)
        )  # fmt: skip


@pytest.fixture
def grid(sqlite_api: Api) -> int:
    experiment_id = sqlite_api.submit(**GRID)
    finish(sqlite_api, experiment_id)
    return experiment_id


def test_the_analysis_has_every_section(sqlite_api: Api, grid: int) -> None:
    analysis = sqlite_api.get(f"/api/experiments/{grid}/analysis").json()
    assert analysis["runs"] == 30
    cell = next(c for c in analysis["cells"] if c["params"]["dataset.n_train"] == 100)
    assert cell["seeds"] == 2
    assert cell["validation"]["mean"] == pytest.approx((0.2 + 0.1 + 0.1) * 1.005)
    assert cell["test"]["mean"] == pytest.approx(1.1 * cell["validation"]["mean"])
    assert cell["cost_of_not_stopping"]["mean"] == pytest.approx(0.1)
    curve = analysis["learning_curves"][0]
    assert curve["setting"] == {"model.width": 8}
    assert [point["n_train"] for point in curve["points"]] == SIZES
    assert curve["law"]["b"] == pytest.approx(0.5, abs=0.1)
    assert len(analysis["capacity_curves"]) == len(SIZES)
    assert analysis["optimum_capacity"][0]["optima"][0]["optimum"]["value"] == 8
    assert len(analysis["surfaces"][0]["surface"]["shares"]) == 15
    assert analysis["cause"]["params"]["model.width"] == 8


def test_a_target_loss_is_part_of_the_analysis(sqlite_api: Api, grid: int) -> None:
    analysis = sqlite_api.get(f"/api/experiments/{grid}/analysis?target=0.15").json()
    law = analysis["learning_curves"][0]["law"]
    assert law["target"] == 0.15
    assert law["target_samples"]["value"] > 400


def test_another_finished_run_updates_the_analysis(api: Api) -> None:
    experiment_id = api.submit(**GRID)
    finish(api, experiment_id, runs=7)
    path = f"/api/experiments/{experiment_id}/analysis"
    assert api.get(path).json()["runs"] == 7
    finish(api, experiment_id)
    assert api.get(path).json()["runs"] == 30


def test_an_experiment_without_finished_runs_has_an_empty_analysis(sqlite_api: Api) -> None:
    analysis = sqlite_api.get(f"/api/experiments/{sqlite_api.submit()}/analysis").json()
    assert (analysis["runs"], analysis["cells"], analysis["cause"]) == (0, [], None)


@pytest.mark.parametrize("target", ["0", "-1", "nan", "inf", "much"])
def test_an_invalid_target_loss_is_refused(sqlite_api: Api, target: str) -> None:
    answer = sqlite_api.get(f"/api/experiments/1/analysis?target={target}")
    assert answer.status_code == 422
    assert answer.json()["field"] == "target"


def test_an_unknown_experiment_is_not_found(sqlite_api: Api) -> None:
    assert sqlite_api.get("/api/experiments/7/analysis").status_code == 404


@pytest.mark.parametrize(
    "figure", ["learning-curve", "capacity-curve", "optimum-capacity", "surface", "cause"]
)
def test_each_chart_has_a_description(sqlite_api: Api, grid: int, figure: str) -> None:
    answer = sqlite_api.get(f"/charts/experiments/{grid}/{figure}")
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["data"]) > 0
    assert "validation loss" in answer.json()["description"].lower() or figure == "surface"


def test_a_setting_selects_the_curve(sqlite_api: Api, grid: int) -> None:
    path = f"/charts/experiments/{grid}/learning-curve?setting"
    first, last = (sqlite_api.get(f"{path}={i}").json() for i in (0, 2))
    assert first["description"] != last["description"]
    assert sqlite_api.get(f"{path}=3").status_code == 404


def test_the_page_has_the_sections_that_the_axes_allow(sqlite_api: Api, grid: int) -> None:
    page = sqlite_api.get(f"/experiments/{grid}", headers={"Accept": "text/html"}).text
    for figure in ("learning-curve", "capacity-curve", "optimum-capacity", "surface", "cause"):
        assert f"/charts/experiments/{grid}/{figure}?" in page


def test_the_page_explains_missing_sections(sqlite_api: Api) -> None:
    experiment_id = sqlite_api.submit(**{**GRID, "dataset": {"source": "moons"}})
    finish(sqlite_api, experiment_id)
    page = sqlite_api.get(f"/experiments/{experiment_id}", headers={"Accept": "text/html"}).text
    assert "Learning curve: needs two or more values of train samples" in page
    assert "/learning-curve?" not in page
    assert "/capacity-curve?" in page
