"""The table of the benchmark of pages, and the arguments of its parts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from backend.settings import Settings
from backend.store import Database
from bench.browser_timing import Timed, spread
from tests.product import Product, run_product


@dataclass(frozen=True)
class TableLine:
    """A row of the table, with the load of the machine at the time of the measurement."""

    title: str
    measured: str
    aim: str = ""
    web: str = ""
    page: str = ""

    def __str__(self) -> str:
        """Format the row as Markdown."""
        cells = (self.title, self.measured, self.web, self.page, self.aim)
        return f"| {' | '.join(cells)} | {os.getloadavg()[0]:.1f} |"


@dataclass(frozen=True)
class Bench:
    """The arguments of all parts: the browser, a working folder, and the amount of measurements."""

    browser: Browser
    folder: Path
    times: int
    minutes: float

    @contextmanager
    def product(self, name: str, url: str = "") -> Iterator[tuple[Product, Database]]:
        """Start the product without workers on its own data folder or on a given database."""
        data_dir = self.folder / name
        with run_product(data_dir, workers="0", database=url) as product:
            database = Database(url or Settings(data_dir=data_dir).database_url)
            yield product, database
            database.dispose()


def timed_lines(timed: Timed, names: dict[str, tuple[str, str]]) -> list[TableLine]:
    """Return a line per observation; `names` maps names of observations to (title, aim)."""
    return [
        TableLine(
            title, f"{spread(timed.seen[name])} ms", aim, spread(timed.web), spread(timed.page)
        )
        for name, (title, aim) in names.items()
    ]
