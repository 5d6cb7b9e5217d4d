"""The page of a run during and after training."""

import re
from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.e2e.proxy import Proxy
from tests.product import wait_for

Submit = Callable[[dict[str, Any]], tuple[int, int]]

# 0.1 s or more per epoch: charts draw all of up to 600 epochs, and no test takes a minute
ENDLESS = {
    "dataset": {"source": "moons", "n_train": 2000},
    "model": {"width": 4, "depth": 1},
    "training": {"epochs": 100_000, "batch_size": 1},
}
OVERFITTING = {
    "dataset": {"source": "moons", "n_train": 20, "label_noise": 0.2},
    "model": {"width": 128},
    "training": {"epochs": 100},
}
STEPS = "document.querySelector('#loss .plot').data?.[0].x ?? []"
SHADED = "document.querySelector('#loss .plot').layout?.shapes?.[0]"


def finished(page: Page) -> None:
    expect(page.locator("header .status")).to_have_text("finished", timeout=120_000)


def until(page: Page, condition: str) -> None:
    """Wait until an expression holds. Page.wait_for_function would need eval in the page."""
    wait_for(lambda: page.evaluate(condition), lambda: condition)


def steps(page: Page) -> list[int]:
    steps_shown: list[int] = page.evaluate(STEPS)
    return steps_shown


def test_the_curve_grows_without_reload_until_the_run_ends(
    page: Page, lab: str, submit: Submit
) -> None:
    experiment_id, run_id = submit(ENDLESS)
    page.goto(f"/runs/{run_id}")
    page.evaluate("window.stillHere = true")
    until(page, f"({STEPS}).length > 0")
    before = len(steps(page))
    until(page, f"({STEPS}).length > {before}")
    httpx.post(f"{lab}/api/experiments/{experiment_id}/cancel")
    expect(page.locator("header .status")).to_have_text("cancelled", timeout=60_000)
    last = httpx.get(f"{lab}/api/runs/{run_id}").json()["epoch"]
    until(page, f"({STEPS}).length === {last}")
    assert steps(page) == list(range(1, last + 1))
    assert page.evaluate("window.stillHere")


def test_new_points_reload_no_chart(page: Page, lab: str, submit: Submit) -> None:
    experiment_id, run_id = submit(ENDLESS)
    page.goto(f"/runs/{run_id}")
    parts = f"/runs/{run_id}/live"
    page.wait_for_event("response", lambda response: parts in response.url)
    urls: list[str] = []  # from now on: the first epoch has made the page complete
    page.on("request", lambda request: urls.append(request.url))
    before = len(steps(page))
    until(page, f"({STEPS}).length > {before}")
    page.wait_for_event("response", lambda response: parts in response.url)
    httpx.post(f"{lab}/api/experiments/{experiment_id}/cancel")
    assert not [url for url in urls if "/loss" in url or "/accuracy" in url]


def test_an_overfitting_run_is_marked_and_described(page: Page, submit: Submit) -> None:
    _, run_id = submit(OVERFITTING)
    page.goto(f"/runs/{run_id}?epochs=linear")
    finished(page)
    run = httpx.get(f"{page.url.partition('/runs')[0]}/api/runs/{run_id}").json()
    loss = page.locator("#loss")
    expect(loss.get_by_text(f"best epoch {run['best_epoch']}", exact=True)).to_be_visible()
    expect(loss.get_by_text(f"early stop {run['early_stop_epoch']}", exact=True)).to_be_visible()
    expect(page.locator("#verdict")).to_contain_text("verfitting: validation loss was lowest at")
    until(page, f"{SHADED}?.x0 === {run['best_epoch']} && {SHADED}.x1 === 100")
    expect(page.locator("#accuracy .main-svg").first).to_be_visible()
    for kind in ("best", "frames"):
        expect(page.locator(f"#fit-{kind} .main-svg").first).to_be_visible()


def test_a_chart_has_a_text_description(page: Page, submit: Submit) -> None:
    _, run_id = submit(OVERFITTING)
    page.goto(f"/runs/{run_id}")
    finished(page)
    chart = page.get_by_role(
        "group", name=re.compile(r"^Loss after epoch 100: train [\d.]+, valid")
    )
    expect(chart).to_have_accessible_name(re.compile(r"Best epoch: \d+ .*fires at epoch \d+\."))


def test_the_scales_are_set_by_url(page: Page, submit: Submit) -> None:
    _, run_id = submit(OVERFITTING)
    page.goto(f"/runs/{run_id}")
    finished(page)
    page.get_by_role("group", name="Scale of the loss axis").get_by_text("log").click()
    until(page, "document.querySelector('#loss .plot').layout?.yaxis.type === 'log'")
    expect(page).to_have_url(re.compile("scale=log"))
    page.reload()
    until(page, "document.querySelector('#loss .plot').layout?.yaxis.type === 'log'")


def test_another_criterion_moves_the_mark_by_keyboard_and_url(
    page: Page, lab: str, submit: Submit
) -> None:
    _, run_id = submit(OVERFITTING)
    page.goto(f"/runs/{run_id}")
    finished(page)
    page.get_by_role("combobox", name="Early stopping").focus()
    page.keyboard.press("g")  # Generalisation loss
    alpha = page.get_by_role("spinbutton", name="threshold alpha")
    expect(alpha).to_have_value("5")
    alpha.fill("40")
    outcome = httpx.get(f"{lab}/api/runs/{run_id}/early-stopping?criterion=gl&alpha=40").json()
    expect(page.get_by_role("status")).to_contain_text(
        f"Would have stopped at epoch {outcome['epoch']:,}: validation loss"
    )
    mark = page.locator("#loss").get_by_text(f"early stop {outcome['epoch']}", exact=True)
    expect(mark).to_be_visible()
    expect(page).to_have_url(re.compile("criterion=gl&alpha=40"))
    page.reload()
    expect(mark).to_be_visible()
    alpha.fill("-3")
    expect(page.get_by_role("alert")).to_have_text(
        "Threshold alpha takes a number above 0 up to 1,000,000."
    )
    expect(page.locator("#would-have-stopped")).to_be_hidden()


def test_repeated_points_are_drawn_once(page: Page, submit: Submit) -> None:
    _, run_id = submit(OVERFITTING)
    page.goto(f"/runs/{run_id}")
    finished(page)
    page.reload()  # the page of an ended run does not refresh itself
    until(page, f"({STEPS}).length === 100")
    page.evaluate(
        """document.querySelector("#loss").extend(
          {train_loss: {steps: [98, 99, 100, 101], values: [9, 9, 9, 0.5]}})"""
    )
    until(page, f"({STEPS}).length > 100")
    assert steps(page) == list(range(1, 102))


def test_points_received_while_a_chart_is_loading_are_drawn(page: Page, submit: Submit) -> None:
    _, run_id = submit(OVERFITTING)
    page.goto(f"/runs/{run_id}")
    finished(page)
    page.reload()
    until(page, f"({STEPS}).length === 100")
    page.evaluate(
        """async () => {
          const chart = document.querySelector("#loss");
          const come = (step) => chart.extend({train_loss: {steps: [step], values: [0.5]}});
          const react = Plotly.react;
          Plotly.react = (...given) => { come(102); return react(...given); };
          const loading = chart.load();
          come(101);
          await loading;
          Plotly.react = react;
        }"""
    )
    until(page, f"({STEPS}).length > 101")
    assert steps(page) == list(range(1, 103))


def test_a_lost_connection_neither_loses_nor_repeats_points(
    page: Page, lab: str, submit: Submit, proxy: Proxy, expected_errors: list[str]
) -> None:
    expected_errors.append("net::ERR")
    experiment_id, run_id = submit(ENDLESS)
    page.goto(f"{proxy.url}/runs/{run_id}")
    until(page, f"({STEPS}).length > 0")
    page.evaluate(
        f"""window.wrong = [];
        setInterval(() => {{
          const steps = {STEPS};
          if (steps.some((step, index) => step !== index + 1)) window.wrong.push([...steps]);
        }}, 20)"""
    )
    proxy.cut()
    expect(page.locator("#lost")).to_be_visible()
    steps_before = len(steps(page))
    proxy.restore()
    expect(page.locator("#lost")).to_be_hidden(timeout=60_000)
    until(page, f"({STEPS}).length > {steps_before}")
    httpx.post(f"{lab}/api/experiments/{experiment_id}/cancel")
    expect(page.locator("header .status")).to_have_text("cancelled", timeout=60_000)
    assert page.evaluate("window.wrong") == []


def test_a_hidden_page_closes_its_stream_and_catches_up_when_visible(
    page: Page, lab: str, submit: Submit
) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    experiment_id, run_id = submit(ENDLESS)
    page.goto(f"/runs/{run_id}")
    until(page, f"({STEPS}).length > 0")
    show = """(hidden) => {
      Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(show, True)
    wait_for(lambda: "overfit_lab_open_streams 0.0\n" in httpx.get(f"{lab}/metrics").text)
    httpx.post(f"{lab}/api/experiments/{experiment_id}/cancel")
    wait_for(lambda: httpx.get(f"{lab}/api/runs/{run_id}").json()["status"] == "cancelled")
    with page.expect_request(re.compile("/api/stream")):
        page.evaluate(show, False)
    expect(page.locator("header .status")).to_have_text("cancelled")
    last = httpx.get(f"{lab}/api/runs/{run_id}").json()["epoch"]
    until(page, f"({STEPS}).length === {last}")
    streams = [url for url in requests if "/api/stream" in url]
    assert len(streams) == 2, streams


def test_snapshots_can_be_downloaded_with_loading_code(page: Page, submit: Submit) -> None:
    _, run_id = submit(OVERFITTING)
    page.goto(f"/runs/{run_id}")
    finished(page)
    with page.expect_download() as download:
        page.get_by_role("link", name=f"Download run-{run_id}-best.safetensors").click()
    assert download.value.suggested_filename == f"run-{run_id}-best.safetensors"
    expect(page.locator("#code-best")).to_contain_text("nn.Sequential(nn.Linear(2, 128)")
    expect(page.locator("#weights figcaption")).to_contain_text("standard deviation: layer 1 ")


def test_charts_follow_the_theme(page: Page, submit: Submit) -> None:
    _, run_id = submit(OVERFITTING)
    page.emulate_media(color_scheme="light")
    page.goto(f"/runs/{run_id}")
    finished(page)
    ink = "document.querySelector('#loss .plot').layout?.font.color"
    until(page, f"{ink} === 'rgb(27, 29, 33)'")
    page.emulate_media(color_scheme="dark")
    until(page, f"{ink} === 'rgb(232, 233, 236)'")
