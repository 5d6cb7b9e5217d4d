"""Processor time of the web process while people watch live pages: `python -m bench.viewers`.

Experiment: several browsers have the page of an experiment of 1,000 runs open. All runs train: each
group of runs commits an epoch every second, as workers do, and some runs end every second. Run: the
same number of browsers have the page of one run open, which commits ten epochs every 200 ms.

Processor time is a share of one core. Browsers and the writer run in other processes and are not
counted. `idle` is the web process with nothing open.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count, cycle
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy.orm import Session

from backend.live.notifications import Notifier
from backend.runs import lifecycle
from backend.settings import Settings
from backend.specification import RunSpec, validate
from backend.store import Database, changes, transitions
from backend.store.changes import NewChange
from backend.store.transitions import Ending, Lease
from bench.browser_timing import WEB, processor, visit
from tests.e2e.browser import find
from tests.product import run_product
from tests.scenes import MOONS, Scene, advance, thousand_runs, write_scene

GROUPS = 4  # of runs that commit together
COMMIT_SECONDS = 1.0  # between two commits of a group, as with hundreds of runs
ENDED_PER_SECOND = 2
WARM_UP_SECONDS = 10.0
RUN_COMMIT_SECONDS = 0.2
EPOCHS_PER_COMMIT = 10

Pair = tuple[int, RunSpec]


@dataclass(frozen=True)
class Lab:
    """The running product, as a writer sees it."""

    url: str
    database: Database
    notifier: Notifier


def measure(pages: list[Page], write: Iterator[float], seconds: float) -> float:
    """Return the web process' share of a core while `write` commits; it yields when to go on."""
    begun, before = time.monotonic(), processor(WEB)
    while time.monotonic() - begun < seconds:
        due = next(write)
        for page in pages:  # let each browser's events arrive
            page.wait_for_timeout(1)
        time.sleep(max(0.0, due - time.monotonic()))
    return (processor(WEB) - before) / 1000 / (time.monotonic() - begun)


def watched(
    browser: Browser, url: str, ready: str, write: Iterator[float], *, viewers: int, seconds: float
) -> float:
    """Return the share of a core that this number of viewers of a page costs."""
    with ExitStack() as stack:
        pages = [stack.enter_context(visit(browser)) for _ in range(viewers)]
        for page in pages:
            page.goto(url)
            page.wait_for_selector(ready)
        shown = [page.inner_text("main") for page in pages]
        measure(pages, write, WARM_UP_SECONDS)
        share = measure(pages, write, seconds)
        if any(
            page.inner_text("main") == before for page, before in zip(pages, shown, strict=True)
        ):
            raise RuntimeError("a page did not follow its runs")
    return share


def sweep(lab: Lab) -> tuple[str, Iterator[float]]:
    """Return the page of 1,000 runs that train, and what writes their epochs."""
    scene = replace(thousand_runs(1000), epochs=20, target=None)
    experiment_id, run_ids = write_scene(lab.database, scene)
    pairs = list(zip(run_ids, validate(scene.document).runs, strict=True))
    return f"/experiments/{experiment_id}", _advance_groups(lab, scene, experiment_id, pairs)


def _advance_groups(
    lab: Lab, scene: Scene, experiment_id: int, pairs: list[Pair]
) -> Iterator[float]:
    groups = [pairs[number::GROUPS] for number in range(GROUPS)]
    due = time.monotonic()
    for number, group in enumerate(cycle(groups)):
        epoch = scene.epochs + 1 + number // GROUPS
        with lab.database.write() as session:
            advance(session, scene, experiment_id, group, epoch, epoch)
            if number % GROUPS == 0:
                _end(session, experiment_id, [group.pop() for _ in range(ENDED_PER_SECOND)])
        lab.notifier.notify(experiment_id)
        due = max(due + COMMIT_SECONDS / GROUPS, time.monotonic())
        yield due


def _end(session: Session, experiment_id: int, ended: list[Pair]) -> None:
    ids = [run_id for run_id, _ in ended]
    leases = [Lease(run_id, experiment_id, attempt=1) for run_id in ids]
    transitions.end(session, [Ending(lease, "finished") for lease in leases])
    lifecycle.close(session, ids)
    entries = [NewChange(run_id, kind) for run_id in ids for kind in ("status", "diagnosis")]
    changes.log(session, experiment_id, entries)


def one_run(lab: Lab) -> tuple[str, Iterator[float]]:
    """Return the page of a run that trains, and what writes its epochs."""
    document = {"name": "One", "dataset": MOONS, "training": {"epochs": 100_000}}
    scene = Scene(document, 100, None)
    experiment_id, [run_id] = write_scene(lab.database, scene)
    pair = (run_id, validate(document).runs[0])
    return f"/runs/{run_id}", _advance_run(lab, scene, experiment_id, pair)


def _advance_run(lab: Lab, scene: Scene, experiment_id: int, pair: Pair) -> Iterator[float]:
    due = time.monotonic()
    for first in count(scene.epochs + 1, EPOCHS_PER_COMMIT):
        with lab.database.write() as session:
            advance(session, scene, experiment_id, [pair], first, first + EPOCHS_PER_COMMIT - 1)
        lab.notifier.notify(experiment_id)
        due = max(due + RUN_COMMIT_SECONDS, time.monotonic())
        yield due


def nothing() -> Iterator[float]:
    """Write nothing."""
    while True:
        yield time.monotonic() + 1


PAGES = {
    "experiment": (sweep, "#grid td a"),
    "run": (one_run, "#loss .js-plotly-plot"),
}


def main() -> None:
    """Print the share of a core for the idle process and for each page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=list(PAGES))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(playwright))
        data_dir = Path(folder) / "data"
        with run_product(data_dir, workers="0") as product:
            settings = Settings(data_dir=data_dir, broker=f"unix://{data_dir}/valkey.sock")
            lab = Lab(product.url, Database(settings.database_url), Notifier(settings.broker_url))
            print(f"{'idle':44} {measure([], nothing(), WARM_UP_SECONDS):6.1%} of a core")
            for name in given.pages:
                start, ready = PAGES[name]
                path, write = start(lab)
                alone = measure([], write, WARM_UP_SECONDS)
                print(f"{f'{name}, no viewer':44} {alone:6.1%} of a core", flush=True)
                share = watched(
                    browser, product.url + path, ready, write,
                    viewers=given.viewers, seconds=given.seconds,
                )  # fmt: skip
                print(f"{f'{name}, {given.viewers} viewers':44} {share:6.1%} of a core", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
