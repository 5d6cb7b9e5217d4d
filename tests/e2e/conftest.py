"""A real browser: the system's Chromium, or the one that Playwright installed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import ConsoleMessage, Page, Playwright, expect

from tests.e2e import browser
from tests.e2e.proxy import Proxy
from tests.product import running

expect.set_options(timeout=60_000)  # milliseconds; a page that is right answers at once


@pytest.fixture(scope="session")
def base_url(lab: str) -> str:
    """The running product, so that tests write `page.goto("/")`."""
    return lab


@pytest.fixture(scope="session")
def idle_lab(short_dir: Path) -> Iterator[str]:
    """The address of a product of its own, without workers: whatever is queued stays so."""
    with running(short_dir / "idle", workers="0") as product:
        yield product.url


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any], playwright: Playwright
) -> dict[str, Any]:
    """Launch what is installed; without any browser skip, but never where CI=true."""
    found = browser.find(playwright)
    if found is None:
        outcome = pytest.fail if browser.REQUIRED else pytest.skip
        outcome(browser.MISSING)
    return {**browser_type_launch_args, "executable_path": found}


@pytest.fixture
def expected_errors() -> list[str]:
    """Parts of console errors that a test brings about on purpose: a refused request, say."""
    return []


@pytest.fixture
def page(page: Page, expected_errors: list[str]) -> Iterator[Page]:
    """A page on which any error in the console, or uncaught in a script, fails the test.

    What the Content-Security-Policy refuses is such an error too.
    """
    errors: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(f"{message.text} ({message.location['url']})")

    page.on("console", listen)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert [one for one in errors if not any(part in one for part in expected_errors)] == []


@pytest.fixture
def submit(lab: str) -> Any:
    """A function that submits a specification and returns its experiment's and first run's id."""

    def send(document: dict[str, Any]) -> tuple[int, int]:
        experiment = httpx.post(f"{lab}/api/experiments", json=document).raise_for_status().json()
        runs = httpx.get(f"{lab}/api/experiments/{experiment['id']}/runs").json()
        return experiment["id"], runs["items"][0]["id"]

    return send


@pytest.fixture
def proxy(lab: str) -> Iterator[Proxy]:
    """A connection to the product that can be cut."""
    with Proxy(lab) as made:
        yield made
