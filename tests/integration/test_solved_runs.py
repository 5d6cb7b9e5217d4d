"""Runs that are solved in one step get their verdicts from the grid of their experiment."""

from backend.settings import Settings
from tests.api import Api
from tests.training import make_services
from worker.tasks import train

U_CURVE = {
    "dataset": {"source": "sine", "n_train": 25, "target_noise": 0.3},
    "model": {"family": "polynomial", "degree": [0, 3, 15]},
    "training": {"optimizer": "closed_form", "seeds": 3},
}


def test_the_u_curve_shows_underfitting_good_fit_and_overfitting(
    sqlite_api: Api, sqlite_settings: Settings
) -> None:
    experiment_id = sqlite_api.submit(**U_CURVE)
    run_ids = sqlite_api.run_ids(experiment_id)
    services = make_services(sqlite_settings, sqlite_api.database)
    for part in (run_ids[:4], run_ids[4:]):  # the second part changes verdicts of the first
        train(part, services)
    items = [sqlite_api.get(f"/api/runs/{run_id}").json() for run_id in run_ids]
    verdicts = [item["verdict"] for item in items]
    assert verdicts == [*["underfitting"] * 3, *["good fit"] * 3, *["overfitting"] * 3]
    assert items[-1]["kind"] == "gap"
    page = sqlite_api.get(f"/runs/{run_ids[0]}").text
    assert "the best cell (degree 3)" in page
    assert "too little to look at" not in page
