"""Fixtures of the page tests: a real browser and the running product."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import ConsoleMessage, Page, Playwright, expect

from tests.e2e import browser
from tests.e2e.proxy import Proxy
from tests.product import run_product

expect.set_options(timeout=60_000)  # milliseconds, for slow machines; a correct page needs far less


@pytest.fixture(scope="session")
def base_url(lab: str) -> str:
    """The URL of the running product, so that tests can write `page.goto("/")`."""
    return lab


@pytest.fixture(scope="session")
def idle_lab(short_dir: Path) -> Iterator[str]:
    """The URL of a separate product without workers, in which queued runs stay queued."""
    with run_product(short_dir / "idle", workers="0") as product:
        yield product.url


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any], playwright: Playwright
) -> dict[str, Any]:
    """Launch the installed browser. Without a browser, skip the test, or fail it if CI=true."""
    path = browser.find(playwright)
    if path is None:
        outcome = pytest.fail if browser.REQUIRED else pytest.skip
        outcome(browser.MISSING)
    return {**browser_type_launch_args, "executable_path": path}


@pytest.fixture
def expected_errors() -> list[str]:
    """Parts of console errors that a test causes on purpose, such as by a refused request."""
    return []


@pytest.fixture
def page(page: Page, expected_errors: list[str]) -> Iterator[Page]:
    """A page on which an error in the console or an uncaught exception fails the test.

    A violation of the Content-Security-Policy is such an error too.
    """
    errors: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(f"{message.text} ({message.location['url']})")

    page.on("console", listen)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert [error for error in errors if not any(part in error for part in expected_errors)] == []


@pytest.fixture
def submit(lab: str) -> Any:
    """A function that submits a specification and returns the ids of experiment and first run."""

    def send(document: dict[str, Any]) -> tuple[int, int]:
        experiment = httpx.post(f"{lab}/api/experiments", json=document).raise_for_status().json()
        runs = httpx.get(f"{lab}/api/experiments/{experiment['id']}/runs").json()
        return experiment["id"], runs["items"][0]["id"]

    return send


@pytest.fixture
def proxy(lab: str) -> Iterator[Proxy]:
    """A proxy in front of the product whose connections can be cut."""
    with Proxy(lab) as proxy:
        yield proxy
