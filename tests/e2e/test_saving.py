"""Saving charts and experiments as files."""

import csv
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from backend.cli import main
from tests.product import wait_for

SPEC = {
    "name": "Saved",
    "dataset": {"source": "moons", "n_train": 20, "n_validation": 50, "n_test": 50},
    "model": {"width": [2, 4]},
    "training": {"epochs": 8},
}


@pytest.fixture(scope="module")
def ended(lab: str) -> tuple[int, int]:
    """An ended experiment and its first run."""
    experiment_id = httpx.post(f"{lab}/api/experiments", json=SPEC).raise_for_status().json()["id"]
    runs = f"{lab}/api/experiments/{experiment_id}/runs"
    wait_for(lambda: {run["status"] for run in httpx.get(runs).json()["items"]} == {"finished"})
    return experiment_id, httpx.get(runs).json()["items"][0]["id"]


@pytest.fixture
def run(page: Page, ended: tuple[int, int]) -> int:
    """The id of an ended run whose page is open."""
    page.goto(f"/runs/{ended[1]}")
    expect(page.locator("#loss .main-svg").first).to_be_visible()
    return ended[1]


def saved(page: Page, button: str) -> Path:
    """Save the loss chart by keyboard."""
    page.locator("#loss .menu summary").focus()
    page.keyboard.press("Enter")
    page.locator("#loss").get_by_role("button", name=button).focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    return Path(download.value.path())


@pytest.mark.parametrize(("button", "begins"), [("PNG", b"\x89PNG"), ("SVG", b"<svg")])
def test_a_chart_is_saved_as_a_picture(page: Page, run: int, button: str, begins: bytes) -> None:
    assert saved(page, button).read_bytes().startswith(begins)


def test_a_chart_is_saved_as_its_data(page: Page, run: int) -> None:
    rows = list(csv.DictReader(saved(page, "CSV").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == list("12345678")
    assert all(float(row["train"]) > 0 and float(row["validation"]) > 0 for row in rows)


def test_escape_closes_a_menu_and_focuses_its_button(page: Page, run: int) -> None:
    page.locator("#loss .menu summary").click()
    button = page.locator("#loss").get_by_role("button", name="PNG")
    button.focus()
    page.keyboard.press("Escape")
    expect(button).to_be_hidden()
    expect(page.locator("#loss .menu summary")).to_be_focused()


def test_a_report_opens_offline_and_draws_its_charts(
    page: Page, ended: tuple[int, int], tmp_path: Path
) -> None:
    page.goto(f"/experiments/{ended[0]}")
    page.locator("#export summary").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("^Report")).click()
    report = tmp_path / "report.html"
    download.value.save_as(report)
    page.goto("about:blank")  # the page asks for the health of the service again and again
    page.context.set_offline(True)
    page.goto(report.as_uri())
    expect(page.get_by_role("heading", level=1)).to_have_text("Saved")
    for plot in page.locator(".chart .plot").all():
        expect(plot.locator(".main-svg").first).to_be_visible()


def test_a_diagnosis_page_opens_offline_and_draws_its_chart(page: Page, tmp_path: Path) -> None:
    log, out = tmp_path / "log.csv", tmp_path / "diagnosis.html"
    rows = [f"{epoch},{1 / epoch},{1 / epoch + epoch / 50}" for epoch in range(1, 40)]
    log.write_text("\n".join(["epoch,loss,val_loss", *rows]))
    assert main(["diagnose", str(log), "--html", str(out)]) == 0
    page.context.set_offline(True)
    page.goto(out.as_uri())
    expect(page.locator(".plot .main-svg").first).to_be_visible()


def test_a_page_is_printed_in_light_colours_and_as_wide_as_the_paper(page: Page, run: int) -> None:
    page.emulate_media(color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 690, "height": 900})
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "light"
    assert page.evaluate("document.documentElement.scrollWidth") <= 690
    width = page.locator("#loss .main-svg").first.evaluate("(svg) => svg.clientWidth")
    assert 400 < width < 690
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("html")).not_to_have_attribute("data-theme", "light")
