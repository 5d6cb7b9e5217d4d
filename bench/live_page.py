"""A page that is open while hundreds of runs train: its frames, and the memory it takes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil
from playwright.sync_api import Browser, CDPSession

from backend.live.notifications import Notifier
from backend.specification import RunSpec, validate
from backend.store import Database
from bench.in_browser import RENDERER, visit
from tests.scenes import MOONS, Scene, advance, write_scene

EVERY_SECONDS = 1.0  # between commits of the sweep, as with hundreds of runs
LOOK_SECONDS = 10.0  # between two looks at the memory
SWEEP = {
    "name": "A live sweep",
    "dataset": {**MOONS, "n_train": [20, 50, 100, 200]},
    "model": {"width": [2, 4, 8, 16, 32, 64, 128, 256]},
    "training": {"epochs": 100_000, "seeds": 8},
}
# Counts by the second, so that counting takes no memory that grows with the frames.
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
class Lived:
    """Frames, and series of what the page took of memory, by name."""

    frames_a_second: float
    longest: float
    seconds: int
    slow_seconds: int
    memory: dict[str, list[float]]


def live(
    browser: Browser, url: str, database: Database, notifier: Notifier, *, minutes: float
) -> Lived:
    """Write epochs of a sweep for some minutes while its page is open; return what was seen."""
    scene = Scene(SWEEP, 20, None)
    experiment_id, run_ids = write_scene(database, scene)
    some = list(zip(run_ids, validate(scene.document).runs, strict=True))
    memory: dict[str, list[float]] = {}
    with visit(browser) as page:
        page.goto(f"{url}/experiments/{experiment_id}")
        page.wait_for_selector("#grid td a")
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.evaluate(COUNT_FRAMES)
        at_first = page.inner_text("main")
        begun = looked = time.monotonic()
        epoch = scene.epochs
        while time.monotonic() - begun < 60 * minutes:
            epoch += 1
            committed = time.monotonic()
            _step(database, notifier, experiment_id, some, scene, epoch)
            page.wait_for_timeout(max(1, 1000 * (EVERY_SECONDS - (time.monotonic() - committed))))
            if time.monotonic() - looked > LOOK_SECONDS:
                looked = time.monotonic()
                for name, value in _memory(session).items():
                    memory.setdefault(name, []).append(value)
        counted = page.evaluate("window.counted")
        if page.inner_text("main") == at_first:
            raise RuntimeError("the page did not follow the sweep")
    whole = counted["seconds"][:-1]  # the last second was not over
    slow = sum(frames < 30 for frames in whole)
    return Lived(sum(whole) / len(whole), counted["longest"], len(whole), slow, memory)


def _step(
    database: Database, notifier: Notifier, experiment_id: int, some: Sequence[tuple[int, RunSpec]],
    scene: Scene, epoch: int,
) -> None:  # fmt: skip
    with database.write() as session:
        advance(session, scene, experiment_id, some, epoch, epoch)
    notifier.notify(experiment_id)


def _memory(session: CDPSession) -> dict[str, float]:
    """Return what is in use once the garbage is gone, and what the page's processes take."""
    session.send("HeapProfiler.collectGarbage")
    found: Any = session.send("Performance.getMetrics")["metrics"]
    known = {each["name"]: each["value"] for each in found}
    resident = 0
    for process in psutil.Process().children(recursive=True):
        try:
            if any(RENDERER in each for each in process.cmdline()):
                resident += process.memory_info().rss
        except psutil.Error:
            continue
    return {
        "heap, MB": known["JSHeapUsedSize"] / 1e6,
        "nodes of the page": known["Nodes"],
        "memory of the page's process, MB": resident / 1e6,
    }
