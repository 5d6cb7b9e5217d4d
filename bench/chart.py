"""Latency from a commit to the chart in a real browser: `python -m bench.chart`.

Commit to chart: the page of a run is open while another process commits epochs as a worker does.
The time runs from the end of the commit to the first paint with the epoch on the chart. Both are
read from the clock of the same machine.

Submit to chart: from sending a specification, through opening the run's page, until its chart shows
an epoch. The worker is idle before.
"""

import argparse
import tempfile
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from backend.live.notifications import Notifier
from backend.settings import Settings
from backend.store import Database, transitions
from bench.latency import print_latencies
from tests.api import record_epochs
from tests.e2e.browser import find
from tests.product import run_product, wait_for

SPEC = {"dataset": {"source": "moons"}, "training": {"epochs": 100_000}}
SHORT = {"dataset": {"source": "moons"}, "training": {"epochs": 100}}
WATCH = """() => {
  const plot = document.querySelector("#loss .plot");
  window.drawn = {};
  plot.on("plotly_afterplot", () => requestAnimationFrame(() => {
    const last = Math.max(...plot.data.map((trace) => trace.x.at(-1) ?? 0));
    window.drawn[last] ??= performance.timeOrigin + performance.now();
  }));
}"""


def commit_to_chart(page: Page, url: str, settings: Settings, *, commits: int) -> list[float]:
    """Return the seconds from each commit until its last epoch was on the chart."""
    database, notifier = Database(settings.database_url), Notifier(settings.broker_url)
    experiment_id = httpx.post(f"{url}/api/experiments", json=SPEC).raise_for_status().json()["id"]
    [run] = httpx.get(f"{url}/api/experiments/{experiment_id}/runs").json()["items"]
    with database.write() as session:  # simulates training: no worker runs here
        transitions.claim(session, [run["id"]], worker="bench", lease_seconds=3600)
    record_epochs(database, experiment_id, run["id"], range(1, 11))
    page.goto(f"{url}/runs/{run['id']}")
    page.wait_for_selector("#loss .js-plotly-plot")
    page.evaluate(WATCH)
    committed = {}
    for number in range(1, commits + 1):
        last = 10 + 10 * number
        record_epochs(database, experiment_id, run["id"], range(last - 9, last + 1))
        committed[last] = time.time() * 1000
        notifier.notify(experiment_id)
        page.wait_for_timeout(settings.record_seconds * 1000)
    page.wait_for_function(f"window.drawn[{last}]")
    drawn = {int(step): at for step, at in page.evaluate("window.drawn").items()}
    # a chart may draw two commits at once: the earlier commit then appears with the later one
    return [
        (min(at for step, at in drawn.items() if step >= last) - at_commit) / 1000
        for last, at_commit in committed.items()
    ]


def submit_to_chart(page: Page, url: str) -> float:
    """Return the seconds from submitting an experiment until its first epoch is on a chart."""
    begun = time.perf_counter()
    experiment = httpx.post(f"{url}/api/experiments", json=SHORT).raise_for_status().json()
    [run] = httpx.get(f"{url}/api/experiments/{experiment['id']}/runs").json()["items"]
    page.goto(f"{url}/runs/{run['id']}")
    page.wait_for_function("document.querySelector('#loss .plot').data?.[0].x.length > 0")
    taken = time.perf_counter() - begun
    wait_for(lambda: httpx.get(f"{url}/api/runs/{run['id']}").json()["status"] == "finished")
    return taken


def main() -> None:
    """Print the median and the 95th percentile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-") as folder, sync_playwright() as playwright:
        data_dir = Path(folder) / "data"
        browser = playwright.chromium.launch(executable_path=find(playwright))
        with run_product(data_dir, workers="0") as product:
            settings = Settings(data_dir=data_dir, broker=f"unix://{data_dir}/valkey.sock")
            page = browser.new_page(bypass_csp=True)  # for wait_for_function
            print_latencies(
                "commit to chart",
                commit_to_chart(page, product.url, settings, commits=options.commits),
            )
        with run_product(Path(folder) / "data2", workers="1") as product:
            submit_to_chart(page, product.url)  # the worker is still starting
            print_latencies(
                "submit to chart", [submit_to_chart(page, product.url) for _ in range(20)]
            )
        browser.close()


if __name__ == "__main__":
    main()
