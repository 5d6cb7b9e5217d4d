"""The home page: presets, running and ended experiments."""

import re
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from backend.specification.presets import PRESETS
from tests.product import run_product


def test_an_empty_home_page_explains_how_to_start(page: Page, short_dir: Path) -> None:
    with run_product(short_dir / "empty", workers="0") as product:
        page.goto(product.url)
        expect(page.get_by_text("No experiments yet.")).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("^Run "))).to_have_count(len(PRESETS))
        page.goto("about:blank")  # closes connections before the service stops


def test_the_five_dots_preset_shows_both_fits_and_their_errors(page: Page) -> None:
    page.goto("/")
    page.evaluate("document.querySelector('#examples')?.setAttribute('open', '')")
    page.get_by_role("button", name="Run it: Five dots").click()
    expect(page).to_have_url(re.compile(r"/experiments/\d+$"))
    expect(page.locator("header .status")).to_have_text("finished", timeout=120_000)
    straight, bent = page.locator(".fits > li").all()
    expect(straight.get_by_role("heading")).to_have_text("Degree 1: 2 parameters")
    expect(bent.get_by_role("heading")).to_have_text("Degree 6: 7 parameters")
    for card in (straight, bent):
        expect(card.locator(".plot .main-svg").first).to_be_visible()
        expect(card.locator(".errors")).to_contain_text(
            re.compile(r"Last epoch.*train error [\d.]+.*validation error [\d.]+.*Best epoch", re.S)
        )
    train, validation = _last_errors(bent.locator(".errors div").first.inner_text())
    assert train < 0.01
    assert validation > 5


def _last_errors(text: str) -> tuple[float, float]:
    train, validation = re.findall(r"error ([\d.e-]+)", text)
    return float(train), float(validation)


def test_a_name_with_html_in_it_is_shown_as_text(page: Page, idle_lab: str) -> None:
    name = "<img src=x onerror=alert(1)><b>bold</b>"
    document = {"name": name, "dataset": {"source": "iris"}}
    url = httpx.post(f"{idle_lab}/api/experiments", json=document).json()["url"]
    page.on("dialog", lambda dialog: (_ for _ in ()).throw(AssertionError(dialog.message)))
    for address in ("/", url, f"/experiments/new?from={url.rpartition('/')[2]}"):
        page.goto(idle_lab + address)
        expect(page.locator("main img, main b")).to_have_count(0)
    page.goto(idle_lab + url)
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_the_home_page_shows_queued_experiments(page: Page, idle_lab: str) -> None:
    httpx.post(f"{idle_lab}/api/experiments", json={"dataset": {"source": "digits"}})
    page.goto(idle_lab)
    running = page.get_by_role("region", name="Running now")
    expect(running.get_by_text("1 run waiting for a worker").first).to_be_visible()


def test_a_missing_page_has_an_error_page(page: Page, expected_errors: list[str]) -> None:
    expected_errors.append("status of 404")
    page.goto("/experiments/999999")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    expect(page.get_by_text("There is no experiment 999999.")).to_be_visible()


def test_the_skip_link_skips_the_header(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_theme_is_remembered(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name=re.compile("^Colours")).click()
    page.reload()
    expect(page.get_by_role("button", name="Colours: light. Change")).to_be_visible()
