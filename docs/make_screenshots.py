"""Take the screenshots of the README from the running product: light theme, 1280 px wide.

Run from the project's root, with the test dependencies: python -m docs.make_screenshots
"""

import re
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.product import run_product

FOLDER = Path(__file__).parent / "images"
WIDTH, HEIGHT = 1280, 860
TRAINED = 180_000  # milliseconds; a preset may take this long on a busy machine


def main() -> None:
    """Train two presets and take a screenshot of each page."""
    FOLDER.mkdir(exist_ok=True)
    data = Path(tempfile.mkdtemp(prefix="lab-"))
    try:
        with run_product(data / "data", workers="1") as product, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
            page = browser.new_page(color_scheme="light", base_url=product.url)
            page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
            _pictures(page)
            browser.close()
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _pictures(page: Page) -> None:
    page.goto("/")
    _save(page, "home")
    _run_preset(page, "Five dots")
    _save(page, "five-dots")
    page.get_by_role("link", name=re.compile("^Degree 6")).click()
    _save(page, "run", height=1240)  # high enough for the chart
    _run_preset(page, "Two moons")
    _save(page, "grid", height=1020)
    page.goto("/experiments/new?preset=two-moons")
    expect(page.locator("#runs")).not_to_have_text("\N{EN DASH}")
    _save(page, "form")


def _run_preset(page: Page, title: str) -> None:
    """Click a preset on the home page and wait until its experiment has ended."""
    page.goto("/")
    page.get_by_role("button", name=re.compile(f"^Run it: {title}")).click()
    expect(page.locator("header .status")).to_have_text("finished", timeout=TRAINED)


def _save(page: Page, name: str, height: int = HEIGHT) -> None:
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.wait_for_load_state("networkidle")
    for chart in page.locator("lab-chart").all():
        expect(chart.locator(".main-svg").first).to_be_visible()
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")


if __name__ == "__main__":
    main()
