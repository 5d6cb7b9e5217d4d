"""A real browser: the system's Chromium, or the one that Playwright installed."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, Playwright

from tests.e2e import browser


@pytest.fixture(scope="session")
def base_url(lab: str) -> str:
    """The running product, so that tests write `page.goto("/")`."""
    return lab


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any], playwright: Playwright
) -> dict[str, Any]:
    """Launch what is installed; without any browser skip, but never where CI=true."""
    found = browser.find(playwright)
    if not found:
        (pytest.fail if browser.REQUIRED else pytest.skip)(browser.MISSING)
    return {**browser_type_launch_args, "executable_path": found}


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A page on which any error in the console, or uncaught in a script, fails the test."""
    errors: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(f"{message.text} ({message.location['url']})")

    page.on("console", listen)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []
