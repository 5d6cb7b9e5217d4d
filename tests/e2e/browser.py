"""The browser of the page tests: the system's Chromium, or the one that Playwright installed."""

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
    """Return the path of a browser, None if there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), playwright.chromium.executable_path)
    return path if Path(path).exists() else None


def main() -> int:
    """Install Playwright's Chromium where there is no other; say so when that fails."""
    with sync_playwright() as playwright:
        if find(playwright):
            return 0
        sys.stdout.write("There is no Chromium here; installing Playwright's.\n")
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(command, capture_output=True, check=False)
        if find(playwright):
            return 0
    sys.stdout.write(f"{MISSING[0].upper()}{MISSING[1:]}. Install chromium to have them tested.\n")
    return 1 if REQUIRED else 0


if __name__ == "__main__":
    sys.exit(main())
