"""Pages and figures asked for what is not there."""

import pytest

from backend.settings import Settings
from tests.api import Api
from tests.training import make_services
from worker.trainer import train

HUGE = 10**20


@pytest.mark.parametrize(
    "path",
    [
        f"/experiments/{HUGE}",
        f"/experiments/-{HUGE}",
        f"/runs/-{HUGE}",
        f"/figures/runs/-{HUGE}/loss",
        f"/runs/{HUGE}",
        f"/experiments/new?from={HUGE}",
        f"/figures/runs/{HUGE}/loss",
        f"/figures/runs/{HUGE}/fit/best",
        "/experiments/1",
        "/runs/0",
        "/experiments/new?preset=none",
    ],
)
def test_what_is_not_there_is_not_found(api: Api, path: str) -> None:
    assert api.get(path, headers={"Accept": "text/html"}).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "rows=none&columns=none",
        "colour=none",
        f"page={HUGE}",
        pytest.param(f"learning={'9' * 5000}", id="learning"),
    ],
)
def test_an_unknown_view_of_an_experiment_is_the_usual_one(api: Api, query: str) -> None:
    experiment_id = api.submit()
    assert api.get(f"/experiments/{experiment_id}?{query}").status_code == 200


def test_a_run_leads_to_its_neighbours(api: Api) -> None:
    experiment_id = api.submit(dataset={"source": "points"}, model={"degree": [1, 2, 3]})
    first, second, third = api.run_ids(experiment_id)
    pages = {id_: api.get(f"/runs/{id_}").text for id_ in (first, second, third)}
    assert f'href="/runs/{first}" rel="prev"' in pages[second]
    assert f'href="/runs/{third}" rel="next"' in pages[second]
    assert 'rel="prev"' not in pages[first]
    assert 'rel="next"' not in pages[third]


def test_experiments_before_one_that_cannot_be_are_refused(api: Api) -> None:
    assert api.get(f"/?before={HUGE}").status_code == 422


def test_an_ended_run_whose_best_epoch_is_its_last_shows_one_picture(
    sqlite_api: Api, sqlite_settings: Settings
) -> None:
    model, training = {"degree": 2}, {"optimizer": "closed_form"}
    experiment_id = sqlite_api.submit(model=model, training=training)
    (run_id,) = sqlite_api.run_ids(experiment_id)
    train([run_id], make_services(sqlite_settings, sqlite_api.database))
    page = sqlite_api.get(f"/runs/{run_id}").text
    assert "At the best and last epoch, 1" in page
    assert "fit-last" not in page
