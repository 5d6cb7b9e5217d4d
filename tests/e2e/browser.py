"""Browser of the page tests: `find` returns the system's Chromium or that of Playwright.

`python -m tests.e2e.browser` installs Playwright's Chromium if there is no other.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "no Chromium is installed: the pages are not tested in a browser"
REQUIRED = os.environ.get("CI") == "true"


def find(playwright: Playwright) -> str | None:
    """Return the path of a browser, or None if no browser is installed."""
    path = next(filter(None, map(shutil.which, NAMES)), playwright.chromium.executable_path)
    return path if Path(path).exists() else None


def main() -> int:
    """Install Playwright's Chromium if there is no other; print a message if that fails."""
    with sync_playwright() as playwright:
        if find(playwright):
            return 0
        sys.stdout.write("No Chromium is installed; installing that of Playwright.\n")
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(command, capture_output=True, check=False)
        if find(playwright):
            return 0
    sys.stdout.write(f"{MISSING[0].upper()}{MISSING[1:]}. Install chromium to test them.\n")
    return 1 if REQUIRED else 0


if __name__ == "__main__":
    sys.exit(main())
