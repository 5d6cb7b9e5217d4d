"""How fast the pages are in a real browser: `python -m bench.dashboard`.

Cold: bytes over the wire for a first page, nothing in the cache. Thousand: from asking for the page
of an experiment of 1,000 runs of 1,000 epochs until its grid can be read and a click on it answers,
and until the charts in sight are drawn. Live: 256 runs that train, each epoch written as workers
write it; frames are counted by requestAnimationFrame, memory is the heap after its garbage was
collected. Million: a run of 1,000,000 epochs. Nothing trains meanwhile.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from backend.hints import Hints
from backend.settings import Settings
from backend.spec import RunSpec, validate
from backend.store import Database
from tests.e2e.browser import find
from tests.product import running
from tests.scenes import MOONS, Scene, advance, play, thousand

SIZE = ViewportSize(width=1280, height=860)
EVERY_SECONDS = 1.0  # between commits of the sweep, as with hundreds of runs
SWEEP = {
    "name": "A live sweep",
    "dataset": {**MOONS, "n_train": [20, 50, 100, 200]},
    "model": {"width": [2, 4, 8, 16, 32, 64, 128, 256]},
    "training": {"epochs": 100_000, "seeds": 8},
}
MILLION = 1_000_000
PATIENCE = 120_000  # milliseconds: a busy machine is slow, not wrong
USABLE = """() => {
  const cell = document.querySelector("#grid a, #grid [role=gridcell]");
  return document.readyState !== "loading" && cell?.getBoundingClientRect().height > 0;
}"""
DRAWN = """() => [...document.querySelectorAll("lab-chart")]
  .filter((chart) => chart.getBoundingClientRect().top < innerHeight)
  .every((chart) => chart.querySelector(".main-svg"))"""
COUNT_FRAMES = """() => {
  window.frames_ = [];
  const count = (now) => { window.frames_.push(now); requestAnimationFrame(count); };
  requestAnimationFrame(count);
}"""
POINTS = "Math.max(...document.querySelector('#loss .plot').data.map((trace) => trace.x.length))"


def cold_bytes(browser: Browser, url: str) -> int:
    """Return the bytes that a first visit transfers."""
    page = browser.new_page(viewport=SIZE)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    received: list[float] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.goto(url, timeout=PATIENCE)
    page.wait_for_load_state("networkidle")
    page.close()
    return int(sum(received))


def until(page: Page, url: str, conditions: dict[str, str]) -> dict[str, float]:
    """Return the milliseconds from asking for a page until each condition holds."""
    page.wait_for_load_state("networkidle")  # of the page before: its charts are computed
    page.goto(url, wait_until="commit")
    found = {}
    for name, condition in conditions.items():
        page.wait_for_function(condition)
        found[name] = float(page.evaluate("performance.now()"))
    return found


def repeated(times: int, call: Callable[[], dict[str, float]]) -> None:
    rows = [call() for _ in range(times)]
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"  {name:44} median {median(values):8.0f} ms   worst {max(values):8.0f} ms")


def live(
    page: Page, url: str, database: Database, hints: Hints, experiment: tuple[int, list[int]],
    scene: Scene, minutes: float,
) -> None:  # fmt: skip
    """Write epochs for some minutes; print frames a second and memory at begin and end."""
    experiment_id, run_ids = experiment
    some = list(zip(run_ids, validate(scene.document).runs, strict=True))
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    page.goto(f"{url}/experiments/{experiment_id}")
    page.wait_for_load_state("networkidle")
    epoch = scene.epochs
    step(database, hints, experiment_id, some, scene, epoch)
    page.evaluate(COUNT_FRAMES)
    heaps = [heap(session)]
    begun = time.monotonic()
    while time.monotonic() - begun < 60 * minutes:
        epoch += 1
        committed = time.monotonic()
        step(database, hints, experiment_id, some, scene, epoch)
        page.wait_for_timeout(max(1, 1000 * (EVERY_SECONDS - (time.monotonic() - committed))))
        if epoch % 15 == 0:
            heaps.append(heap(session))
    frames = page.evaluate("window.frames_")
    gaps = [after - before for before, after in pairwise(frames)]
    seconds = (frames[-1] - frames[0]) / 1000
    slow = sum(gap for gap in gaps if gap > 1000 / 30) / 10 / seconds
    print(f"  frames a second: {len(gaps) / seconds:.0f}; longest frame {max(gaps):.0f} ms; "
          f"{slow:.1f} % of the time in frames under 30 a second")  # fmt: skip
    half = len(heaps) // 2 or 1
    print(f"  heap: {median(heaps[:half]):.1f} MB in the first half, "
          f"{median(heaps[half:] or heaps):.1f} MB in the second")  # fmt: skip


def step(
    database: Database, hints: Hints, experiment_id: int, some: list[tuple[int, RunSpec]],
    scene: Scene, epoch: int,
) -> None:  # fmt: skip
    with database.write() as session:
        advance(session, scene, experiment_id, some, epoch + 1, epoch + 1)
    hints.moved(experiment_id)


def heap(session: Any) -> float:
    """Return the megabytes of the page's heap that are in use."""
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2, help="of the live sweep")
    parser.add_argument("--epochs", type=int, default=1000, help="of each of the thousand runs")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--only", default="cold,thousand,live,million")
    given = parser.parse_args()
    parts = given.only.split(",")
    with tempfile.TemporaryDirectory(prefix="lab-") as folder, sync_playwright() as playwright:
        data_dir = Path(folder) / "data"
        browser = playwright.chromium.launch(executable_path=find(playwright))
        with running(data_dir, workers="0") as product:
            settings = Settings(data_dir=data_dir, broker=f"unix://{data_dir}/valkey.sock")
            database, hints = Database(settings.database_url), Hints(settings.broker_url)
            page = browser.new_page(bypass_csp=True, viewport=SIZE)  # for wait_for_function
            if "thousand" in parts or "cold" in parts:
                experiment_id, _ = play(database, thousand(given.epochs))
                address = f"{product.url}/experiments/{experiment_id}"
            if "cold" in parts:
                print("cold cache, bytes over the wire")
                for name, url in (("home", f"{product.url}/"), ("experiment", address)):
                    print(f"  {name:12} {cold_bytes(browser, url) / 1e6:.2f} MB")
            if "thousand" in parts:
                print(f"experiment of 1,000 runs of {given.epochs:,} epochs")
                wanted = {
                    "until its grid can be used": USABLE,
                    "until the charts in sight are drawn": DRAWN,
                }
                first = until(page, address, wanted)
                print("  the first time: " + ", ".join(f"{n} {t:.0f} ms" for n, t in first.items()))
                repeated(given.times, lambda: until(page, address, wanted))
            if "million" in parts:
                print("run of 1,000,000 epochs")
                scene = Scene({"name": "Long", "dataset": MOONS}, MILLION)
                _, [run_id] = play(database, scene)
                drawn = {
                    "until its curve is drawn": "() => document.querySelector('#loss .main-svg')"
                }
                repeated(given.times, lambda: until(page, f"{product.url}/runs/{run_id}", drawn))
                print(f"  points of a line: {page.evaluate(POINTS):,}")
            if "live" in parts:
                print(f"live sweep of 256 runs, {given.minutes:g} minutes")
                scene = Scene(SWEEP, 20, None)
                live(
                    page, product.url, database, hints, play(database, scene), scene, given.minutes
                )
        browser.close()


if __name__ == "__main__":
    main()
