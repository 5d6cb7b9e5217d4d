"""The view of a run's charts is chosen by pointer or keyboard, and kept in the URL."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_run_page import OVERFITTING, until
from tests.product import wait_for

PLOT = "document.querySelector('#loss .plot')"
FIT = "document.querySelector('#fit-frames .plot')"
X = f"{PLOT}.layout?.xaxis.range?.join()"
SEEDS = "one.legendgroup === 'seeds'"
CURSOR = f"{PLOT}.layout?.shapes?.find((one) => one.name === 'epoch of the picture')"


def uids(condition: str) -> str:
    return f"{PLOT}.data?.filter((one) => {condition}).map((one) => one.uid).join()"


@pytest.fixture(scope="module")
def run(lab: str) -> dict[str, Any]:
    """The first run of an experiment with three seeds, trained."""
    seeds = {"training": {"epochs": 100, "seeds": 3}}
    posted = httpx.post(f"{lab}/api/experiments", json=OVERFITTING | seeds).raise_for_status()
    address = f"{lab}/api/experiments/{posted.json()['id']}"
    wait_for(lambda: httpx.get(address).json()["status"] == "finished")
    first: dict[str, Any] = httpx.get(f"{address}/runs").json()["items"][0]
    return first


def opened(page: Page, run: dict[str, Any], query: str = "") -> None:
    page.goto(f"{run['url']}?{query}")
    until(page, f"{PLOT}.data?.length > 0")


def plot_area(page: Page) -> Any:
    area = page.locator("#loss .nsewdrag").first
    area.scroll_into_view_if_needed()
    return area.bounding_box()


def test_the_gap_is_drawn_below_and_other_seeds_behind(page: Page, run: Any) -> None:
    opened(page, run)
    assert page.evaluate(uids("one.yaxis === 'y2'")) == "gap"
    assert page.evaluate(uids(SEEDS)) == "seeds train,seeds val"
    page.get_by_role("checkbox", name="2 other seeds").uncheck()
    until(page, f"{uids(SEEDS)} === ''")
    expect(page).to_have_url(re.compile(r"show=train,val$"))


def test_test_loss_is_drawn_on_demand_and_from_the_legend(page: Page, run: Any) -> None:
    opened(page, run)
    box = page.get_by_role("checkbox", name="Test")
    expect(box).not_to_be_checked()
    page.locator("#loss .legendtoggle").last.click()
    expect(box).to_be_checked()
    until(page, f"{uids('one.visible === true')}.includes('test')")
    expect(page).to_have_url(re.compile("show=train,val,test,seeds"))


def test_smoothing_by_keyboard_keeps_the_recorded_line(page: Page, run: Any) -> None:
    opened(page, run)
    page.get_by_role("slider", name="Smoothing").focus()
    page.keyboard.press("PageUp")
    until(page, f"{uids('one.mode')}?.includes('train smoothed')")
    expect(page).to_have_url(re.compile(r"smoothing=0\.\d+"))
    assert page.evaluate(uids("one.opacity === 0.35")).startswith("train")


def test_zooming_by_pointer_is_kept_in_the_url_and_reset(page: Page, run: Any) -> None:
    opened(page, run, "epochs=linear")
    area = plot_area(page)
    page.mouse.move(area["x"] + area["width"] * 0.4, area["y"] + 50)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.6, area["y"] + 60, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"first=\d+&last=\d+"))
    first, last = (
        int(page.get_by_label(f"{end} epoch shown").input_value()) for end in ("First", "Last")
    )
    assert 20 < first < 50 < last < 80
    until(page, f"{X} === '{first},{last}' && {PLOT}.data.at(-1).x[0] === {first}")
    page.reload()
    until(page, f"{X} === '{first},{last}'")
    page.get_by_role("button", name="All epochs").click()
    until(page, f"{PLOT}.data.at(-1).x[0] === 1")
    expect(page).not_to_have_url(re.compile("first="))


def test_the_epoch_of_the_fit_is_moved_by_keyboard(page: Page, run: Any) -> None:
    opened(page, run)
    slider = page.get_by_role("slider", name="Epoch of the picture")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("after epoch 100, over 20 train"))
    last = page.evaluate(f"JSON.stringify({FIT}.data[0].z)")
    slider.focus()
    page.keyboard.press("Home")
    text = re.compile(
        r"Decision regions after epoch 1, .* Train loss [\d.]+, validation loss [\d.]"
    )
    expect(slider).to_have_attribute("aria-valuetext", text)
    expect(page.locator("#fit-frames figcaption")).to_have_text(text)
    assert page.evaluate(f"JSON.stringify({FIT}.data[0].z)") != last
    until(page, f"{CURSOR}.x0 === 1 && {CURSOR}.visible")
    expect(page).to_have_url(re.compile("at=1$"))
    page.reload()
    expect(slider).to_have_attribute("aria-valuetext", text)


def test_a_click_on_a_curve_shows_the_fit_there(page: Page, run: Any) -> None:
    opened(page, run, "epochs=linear")
    until(page, f"{CURSOR}?.visible")
    area = plot_area(page)
    page.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2, steps=3)
    expect(page.locator("#loss .hoverlayer .legend")).to_be_visible()
    page.mouse.down()
    page.mouse.up()
    until(page, f"{CURSOR}.x0 > 30 && {CURSOR}.x0 < 70")
    expect(page).to_have_url(re.compile(r"at=\d\d$"))


def test_the_fit_animation_plays_until_the_last_epoch(page: Page, run: Any) -> None:
    opened(page, run, "at=60")
    slider = page.get_by_role("slider", name="Epoch of the picture")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("epoch (5|6)"))
    page.get_by_role("button", name="Play").click()
    expect(slider).to_have_attribute("aria-valuetext", re.compile("epoch 100,"))
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_with_reduced_motion_the_animation_is_slow_and_can_be_paused(page: Page, run: Any) -> None:
    page.emulate_media(reduced_motion="reduce")
    opened(page, run)
    expect(page.locator("#fit-frames figcaption")).to_contain_text("after epoch 100,")
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(page).to_have_url(re.compile(r"at=\d+$"))


def test_the_fit_of_a_training_run_is_updated_unless_moved(
    page: Page, lab: str, submit: Any
) -> None:
    endless = {"dataset": {"source": "moons"}, "training": {"epochs": 100_000, "batch_size": 1}}
    experiment_id, run_id = submit(endless | {"model": {"width": 4, "depth": 1}})
    page.goto(f"/runs/{run_id}")
    slider = page.get_by_role("slider", name="Epoch of the picture")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("Decision regions"))
    most = "Number(document.querySelector('lab-fit input').max)"
    until(page, f"{most} > 1")
    slider.focus()
    page.keyboard.press("Home")
    pixels = page.evaluate(most)
    until(page, f"{most} > {pixels}")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("after epoch 1,"))
    httpx.post(f"{lab}/api/experiments/{experiment_id}/cancel")
    expect(page.locator("header .status")).to_have_text("cancelled")


def test_a_run_without_a_picture_shows_the_reason(page: Page, lab: str, submit: Any) -> None:
    training = {"epochs": 1, "batch_size": 64}
    _, run_id = submit({"dataset": {"source": "diabetes"}, "training": training})
    page.goto(f"/runs/{run_id}")
    expect(page.locator("header .status")).to_have_text("finished")
    expect(page.locator("main")).to_contain_text("This model has 10 inputs.")
    until(page, f"{PLOT}.data?.length > 0")


def test_metrics_are_downloaded(page: Page, run: Any) -> None:
    opened(page, run)
    with page.expect_download() as download:
        page.get_by_role("link", name="All metrics as CSV").click()
    assert download.value.suggested_filename == f"run-{run['id']}-metrics.csv"
