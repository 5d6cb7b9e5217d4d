"""Frames and memory of a page that is open while hundreds of runs train."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil
from playwright.sync_api import Browser, CDPSession

from backend.live.notifications import Notifier
from backend.specification import RunSpec, validate
from backend.store import Database
from bench.browser_timing import RENDERER, visit
from tests.scenes import MOONS, Scene, advance, write_scene

EVERY_SECONDS = 1.0  # between commits of the sweep, as with hundreds of runs
MEMORY_SECONDS = 10.0  # between two samples of the memory
SWEEP = {
    "name": "A live sweep",
    "dataset": {**MOONS, "n_train": [20, 50, 100, 200]},
    "model": {"width": [2, 4, 8, 16, 32, 64, 128, 256]},
    "training": {"epochs": 100_000, "seeds": 8},
}
# Counts per second, so that the memory of the counters does not grow with the frames.
COUNT_FRAMES = """() => {
  const counted = window.counted = { frames: 0, longest: 0, since: performance.now(), seconds: [] };
  let before = counted.since;
  const count = (now) => {
    const second = Math.floor((now - counted.since) / 1000);
    while (counted.seconds.length <= second) counted.seconds.push(0);
    counted.seconds[second]++;
    counted.frames++;
    counted.longest = Math.max(counted.longest, now - before);
    before = now;
    requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
}"""


@dataclass(frozen=True)
class LiveMeasurement:
    """Frames, and the memory of the page over time by name."""

    frames_a_second: float
    longest: float
    seconds: int
    slow_seconds: int
    memory: dict[str, list[float]]


def measure_live_page(
    browser: Browser, url: str, database: Database, notifier: Notifier, *, minutes: float
) -> LiveMeasurement:
    """Write epochs of a sweep for some minutes while its page is open; return the measurement."""
    scene = Scene(SWEEP, 20, None)
    experiment_id, run_ids = write_scene(database, scene)
    runs = list(zip(run_ids, validate(scene.document).runs, strict=True))
    memory: dict[str, list[float]] = {}
    with visit(browser) as page:
        page.goto(f"{url}/experiments/{experiment_id}")
        page.wait_for_selector("#grid td a")
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.evaluate(COUNT_FRAMES)
        first_text = page.inner_text("main")
        begun = looked = time.monotonic()
        epoch = scene.epochs
        while time.monotonic() - begun < 60 * minutes:
            epoch += 1
            committed = time.monotonic()
            _step(database, notifier, experiment_id, runs, scene, epoch)
            page.wait_for_timeout(max(1, 1000 * (EVERY_SECONDS - (time.monotonic() - committed))))
            if time.monotonic() - looked > MEMORY_SECONDS:
                looked = time.monotonic()
                for name, value in _memory(session).items():
                    memory.setdefault(name, []).append(value)
        counted = page.evaluate("window.counted")
        if page.inner_text("main") == first_text:
            raise RuntimeError("the page did not follow the sweep")
    whole = counted["seconds"][:-1]  # without the last, incomplete second
    slow = sum(frames < 30 for frames in whole)
    return LiveMeasurement(sum(whole) / len(whole), counted["longest"], len(whole), slow, memory)


def _step(
    database: Database, notifier: Notifier, experiment_id: int, runs: Sequence[tuple[int, RunSpec]],
    scene: Scene, epoch: int,
) -> None:  # fmt: skip
    with database.write() as session:
        advance(session, scene, experiment_id, runs, epoch, epoch)
    notifier.notify(experiment_id)


def _memory(session: CDPSession) -> dict[str, float]:
    """Return the memory in use after garbage collection, and that of the renderer processes."""
    session.send("HeapProfiler.collectGarbage")
    metrics: Any = session.send("Performance.getMetrics")["metrics"]
    values = {metric["name"]: metric["value"] for metric in metrics}
    resident = 0
    for process in psutil.Process().children(recursive=True):
        try:
            if any(RENDERER in metric for metric in process.cmdline()):
                resident += process.memory_info().rss
        except psutil.Error:
            continue
    return {
        "heap, MB": values["JSHeapUsedSize"] / 1e6,
        "nodes of the page": values["Nodes"],
        "memory of the page's process, MB": resident / 1e6,
    }
