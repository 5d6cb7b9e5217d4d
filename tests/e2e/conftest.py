"""A real browser: the system's Chromium, or the one that Playwright installed."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, Playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def base_url(lab: str) -> str:
    """The running product, so that tests write `page.goto("/")`."""
    return lab


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any], playwright: Playwright
) -> dict[str, Any]:
    """Launch what is installed; without any browser skip, but never where CI=true."""
    found = next(filter(None, map(shutil.which, BROWSERS)), playwright.chromium.executable_path)
    if not Path(found).exists():
        outcome = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        outcome("no Chromium is installed: the pages were not tested in a browser")
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
