"""Pages and charts: missing objects, links and labels."""

import re
from html import unescape
from urllib.parse import parse_qs

import pytest
from sqlalchemy import update

from backend.runs import lifecycle
from backend.settings import Settings
from backend.specification.presets import PRESETS
from backend.store import artifacts, runs, transitions
from backend.store.tables import Run
from tests.api import Api, record_epochs
from tests.training import make_services
from worker.tasks import train

HUGE = 10**20


@pytest.mark.parametrize(
    "path",
    [
        f"/experiments/{HUGE}",
        f"/experiments/-{HUGE}",
        f"/runs/-{HUGE}",
        f"/charts/runs/-{HUGE}/loss",
        f"/runs/{HUGE}",
        f"/experiments/new?from={HUGE}",
        f"/charts/runs/{HUGE}/loss",
        f"/charts/runs/{HUGE}/fit/best",
        "/experiments/1",
        "/runs/0",
        "/experiments/new?preset=none",
    ],
)
def test_missing_pages_and_charts_are_not_found(api: Api, path: str) -> None:
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
def test_an_unknown_view_of_an_experiment_falls_back_to_the_default(api: Api, query: str) -> None:
    experiment_id = api.submit()
    assert api.get(f"/experiments/{experiment_id}?{query}").status_code == 200


def test_a_run_links_to_its_neighbours(api: Api) -> None:
    experiment_id = api.submit(dataset={"source": "points"}, model={"degree": [1, 2, 3]})
    first, second, third = api.run_ids(experiment_id)
    pages = {id_: api.get(f"/runs/{id_}").text for id_ in (first, second, third)}
    assert f'href="/runs/{first}" rel="prev"' in pages[second]
    assert f'href="/runs/{third}" rel="next"' in pages[second]
    assert 'rel="prev"' not in pages[first]
    assert 'rel="next"' not in pages[third]


def test_a_requeued_run_shows_the_reason_and_the_next_epoch(api: Api) -> None:
    run_id = api.run_ids(api.submit())[0]
    assert 'id="interrupted"' not in api.get(f"/runs/{run_id}").text
    with api.database.write() as session:
        transitions.claim(session, [run_id], worker="w", lease_seconds=-1)
        runs.store_progress(session, [runs.RunProgress(run_id, epoch=44)])
        artifacts.put_checkpoints(session, [(run_id, 40, b"")])
        lifecycle.reap(session)
    assert (
        "Its worker was lost at epoch 44. It waits for a worker and continues after epoch 40, "
        "its last checkpoint." in api.get(f"/runs/{run_id}").text
    )


def test_an_invalid_cursor_of_experiments_is_refused(api: Api) -> None:
    assert api.get(f"/?before={HUGE}").status_code == 422


def test_a_run_whose_best_epoch_is_its_last_shows_one_picture(
    sqlite_api: Api, sqlite_settings: Settings
) -> None:
    model, training = {"degree": 2}, {"optimizer": "closed_form"}
    experiment_id = sqlite_api.submit(model=model, training=training)
    (run_id,) = sqlite_api.run_ids(experiment_id)
    train([run_id], make_services(sqlite_settings, sqlite_api.database))
    page = sqlite_api.get(f"/runs/{run_id}").text
    assert "At the best and last epoch, 1" in page
    assert "fit-last" not in page


@pytest.fixture
def four_runs(api: Api) -> Api:
    """A service with runs 1 to 4: degrees 2 and 9 on two seeds.

    Degree 2 is better, and one run of each degree is cancelled.
    """
    api.submit(model={"degree": [2, 9]}, training={"epochs": 3, "seeds": 2})
    with api.database.write() as session:
        for run_id, loss in enumerate((0.2, 0.3, 0.8, 0.9), 1):
            verdict, status = ("good fit", "overfitting")[run_id > 2], ("finished", "cancelled")
            rule = ("good-fit.settled", "overfitting.past-its-best")[run_id > 2]
            kind, severity = ((None, None), ("past its best", "mild"))[run_id > 2]
            session.execute(
                update(Run).where(Run.id == run_id).values(
                    verdict=verdict, kind=kind, severity=severity, status=status[run_id % 2],
                    diagnosis={"verdict": verdict, "rule": rule, "sentence": "",
                               "learner": "", "findings": [],
                               "evidence": {"best_validation_loss": loss}},
                )
            )  # fmt: skip
    return api


def test_the_offered_capacity_was_measured_to_be_better(four_runs: Api) -> None:
    page = four_runs.get("/runs/3").text
    assert "Degree 2 instead of 9, the best of those measured here" in page
    assert "seed 0, one of 2 in its cell" in page


def test_cancelled_runs_do_not_count_as_done(four_runs: Api) -> None:
    home, experiment = four_runs.get("/").text, four_runs.get("/experiments/1").text
    assert "2 of 4<small>" in home
    assert "2 cancelled" in home
    assert "2 of 4 runs done, 2 cancelled" in experiment
    assert "2 runs, 1 of them cancelled before the end" in experiment


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/", '<span class="verdict tone-harmful">mild overfitting</span> 2'),
        ("/experiments/1", "mild overfitting</span></a> 2 runs"),
        ("/experiments/1", "degree 9: mild overfitting</option>"),
        ("/experiments/1", 'Suggested because of <span class="verdict tone-harmful">'),
        ("/runs", 'overfitting&#34;"><span class="verdict tone-harmful">'),
        ("/compare?runs=3&cells=3", "mild overfitting</span> 2"),
        ("/runs/3", "all are called mild overfitting, as is this one"),
    ],
    ids=["home", "counts", "cells", "remedies", "runs", "compare", "run"],
)
def test_mild_overfitting_has_its_own_label(four_runs: Api, path: str, label: str) -> None:
    assert label in four_runs.get(path).text


def test_fields_of_a_filter_get_a_removable_column(four_runs: Api) -> None:
    query = "filter=not+metrics.val_loss+<+0.3"
    usual = four_runs.get(f"/runs?{query}").text
    assert "uses validation loss, so the table shows it too." in usual
    assert "Validation loss<span" in usual
    assert "Degree<span" in usual
    chosen = four_runs.get(f"/runs?{query}&columns=status").text
    assert "uses validation loss, which the table does not show." in chosen
    assert "Validation loss<span" not in chosen


def test_the_parallel_chart_reports_the_cells_it_leaves_out(sqlite_api: Api) -> None:
    dataset = {"source": "moons", "n_train": [20, 50]}
    experiment_id = sqlite_api.submit(dataset=dataset, model={"width": [2, 8]})
    run_id = sqlite_api.run_ids(experiment_id)[0]
    record_epochs(sqlite_api.database, experiment_id, run_id, range(1, 3))
    chart = sqlite_api.get(f"/charts/experiments/{experiment_id}/parallel")
    assert "3 cells without a value, or beyond the first 1,000, are left out" in chart.text


def test_a_preset_keeps_its_explanation_and_leads_to_the_next(sqlite_api: Api) -> None:
    experiment_id = sqlite_api.submit(**PRESETS["polynomial-degree"].document)
    page = sqlite_api.get(f"/experiments/{experiment_id}").text
    assert "Geman, Bienenstock and Doursat 1992" in page
    assert 'href="#capacity-title"' in page
    assert '<th scope="row">Validation loss of degree 0</th><td class="amount">0.585' in page
    assert f"Run it: {PRESETS['random-features'].title}" in page
    assert "lesson-title" not in sqlite_api.get(f"/experiments/{sqlite_api.submit()}").text


def test_the_documentation_is_read_inside_the_app(sqlite_api: Api) -> None:
    assert 'href="/docs/textbook"' in sqlite_api.get("/docs").text
    assert "The textbook, reproduced" in sqlite_api.get("/docs/textbook").text
    assert sqlite_api.get("/docs/images/run.png").headers["content-type"] == "image/png"
    html = {"Accept": "text/html"}
    for path in ("none", "make_reference.py", "%2e%2e/pyproject.toml"):
        assert sqlite_api.get(f"/docs/{path}", headers=html).status_code == 404


def test_titles_name_all_that_varies_in_the_experiment(sqlite_api: Api) -> None:
    data = {"source": "points", "n_train": [5, 9], "target_noise": [1, 2]}
    experiment_id = sqlite_api.submit(dataset=data, model={"degree": [1, 6]})
    last = sqlite_api.run_ids(experiment_id)[-1]
    page = sqlite_api.get(f"/runs/{last}").text
    assert "7 parameters, train samples 9, target noise 2" in page.split("</title>")[0]
    assert "7 parameters, train samples 9, target noise 2" in page.split("<h1>")[1]


def test_values_in_the_list_of_runs_lead_to_the_runs_that_share_them(sqlite_api: Api) -> None:
    sqlite_api.submit(dataset={"source": "points", "n_train": [5, 9]})
    sqlite_api.request("PATCH", "/api/runs/1", json={"tags": {"who": 'A "B"'}})
    page = sqlite_api.get("/runs?filter=experiment+%3D+1+or+id+%3D+9").text
    urls = re.findall(r'"/runs\?(filter=[^"]+)"', page)
    links = [parse_qs(unescape(url))["filter"][0] for url in urls]
    narrowed = [link.removeprefix("(experiment = 1 or id = 9) and ") for link in links]
    assert {'status = "queued"', "params.dataset.n_train = 9"} <= set(narrowed)
    [by_tag] = [link for link in links if "tags.who" in link]
    assert sqlite_api.get("/api/runs", params={"filter": by_tag}).json()["items"][0]["id"] == 1
    assert len(sqlite_api.get("/api/runs?filter=queued").json()["items"]) == 4
