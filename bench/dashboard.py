"""Speed of the pages in a real browser: `python -m bench.dashboard --write`.

Cold: bytes over the wire in a first visit with an empty cache. Thousand: from requesting the page
of 1,000 runs of 1,000 epochs until its grid is drawn, an arrow key moves in it, and the card of a
cell shows its curves. Runs: from the key or click until the list of 100,000 runs shows the
requested rows, on SQLite and on PostgreSQL. Million: a run of 1,000,000 epochs. Live: 256 simulated
runs, with each epoch written as workers write it. No worker runs in any part.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright

from backend.live.notifications import Notifier
from backend.store import metric_summaries
from bench.browser_timing import (
    WATCH_CURVE,
    WATCH_GRID,
    Timed,
    cold_bytes,
    opened,
    visit,
)
from bench.docs_section import replace_section
from bench.live_page import measure_live_page
from bench.page_table import Bench, TableLine, timed_lines
from bench.run_list_page import run_list, run_list_on_postgresql
from tests.e2e.browser import find
from tests.scenes import MOONS, Scene, thousand_runs, write_scene

EPOCHS = 1000
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


def thousand_runs_page(bench: Bench) -> Iterator[TableLine]:
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


def million_epochs(bench: Bench) -> Iterator[TableLine]:
    with bench.product("million") as (product, database):
        scene = Scene({"name": "Long", "dataset": MOONS}, MILLION, chunk=200)
        _, [run_id] = write_scene(database, scene)
        timed = Timed()
        for _ in range(bench.times):
            with visit(bench.browser, WATCH_CURVE) as page:
                opened(page, f"{product.url}/runs/{run_id}", ["drawn"], timed)
                points = page.evaluate(POINTS)
                with database.read() as session:
                    by_key = metric_summaries.summaries(session, [run_id])[run_id]
                first, last, how = page.evaluate(ENDS_AND_MINIMUM, by_key["val_loss"]["min_step"])
    yield from timed_lines(timed, {"drawn": ("run of 1,000,000 epochs: its curve is drawn", "")})
    yield TableLine("points of its longest line", f"{points:,}", "2,000")
    yield TableLine(
        "of its validation loss", f"from epoch {first:,} to {last:,}; its lowest, {how}"
    )


def live_sweep(bench: Bench) -> Iterator[TableLine]:
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
    "cold": cold, "thousand": thousand_runs_page, "runs": run_list,
    "runs-postgresql": run_list_on_postgresql, "million": million_epochs, "live": live_sweep,
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
