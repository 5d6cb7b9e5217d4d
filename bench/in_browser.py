"""What the benchmarks of pages see in a real browser: when something is shown, and what it costs.

Times are taken inside the page, by its own clock, so that the way to the browser and back does not
count. Processor time is that of the web process and of the pages' own processes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psutil
from playwright.sync_api import Browser, Page, ViewportSize

SIZE = ViewportSize(width=1280, height=860)
PATIENCE = 300_000  # milliseconds: a busy machine is slow, not wrong
WEB, RENDERER = "backend.supervisor.web", "--type=renderer"

# Notes when something was first painted, in milliseconds since the page was asked for. The grid is
# tried as a person would: an arrow key moves from its first cell to the next, whose card opens.
WATCH_GRID = """(() => {
  const seen = window.seen = {};
  const note = (name) => requestAnimationFrame(() => setTimeout(() => (seen[name] ??= performance.now())));
  let moved = false;
  const look = () => {
    const cell = document.querySelector("#grid td a");
    if (cell?.getBoundingClientRect().height > 0) {
      if (!seen.drawn) note("drawn");
      if (!moved) {
        cell.focus({ preventScroll: true });
        cell.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, cancelable: true }));
        moved = document.activeElement !== cell;
        if (moved) note("answers");
      }
    }
    if (document.querySelector("#cell-card:not([hidden]) svg")) note("card");
    else return requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()"""  # noqa: E501

WATCH_CURVE = """(() => {
  const look = () => {
    if (!document.querySelector("#loss .main-svg .trace")) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => (window.seen = { drawn: performance.now() })));
  };
  requestAnimationFrame(look);
})()"""

# Notes the milliseconds from the next key or click until what is wanted was painted.
WATCH_LIST = """({ wanted }) => {
  const counted = /^[\\d,]+ run/;
  const seen = window.seen = {};
  let begun;
  const begin = (event) => (begun = event.timeStamp);
  removeEventListener("keydown", window.begin, true);
  removeEventListener("pointerdown", window.begin, true);
  window.begin = begin;
  for (const kind of ["keydown", "pointerdown"]) addEventListener(kind, begin, true);
  const note = (name) => requestAnimationFrame(() => setTimeout(() => (seen[name] ??= performance.now() - begun)));
  const look = () => {
    if (begun === undefined || !document.querySelector(wanted)) return;
    note("rows");
    if (!counted.test(document.querySelector("#total").textContent)) return;
    note("total");
    watching.disconnect();
  };
  const watching = new MutationObserver(look);
  watching.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
}"""  # noqa: E501


@dataclass
class Timed:
    """Milliseconds until something was seen, measured several times; those of the processor."""

    seen: dict[str, list[float]] = field(default_factory=dict)
    web: list[float] = field(default_factory=list)
    page: list[float] = field(default_factory=list)

    def add(self, seen: dict[str, float], web: float, page: float) -> None:
        """Add a measurement."""
        for name, milliseconds in seen.items():
            self.seen.setdefault(name, []).append(milliseconds)
        self.web.append(web)
        self.page.append(page)

    def warm(self) -> "Timed":
        """Return all but the first, before which nothing was read."""
        return Timed(
            {name: each[1:] for name, each in self.seen.items()}, self.web[1:], self.page[1:]
        )


def processor(word: str) -> float:
    """Return the processor's milliseconds of all our processes whose command has a word."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if any(word in each for each in process.cmdline()):
                total += sum(process.cpu_times()[:2])
        except psutil.Error:
            continue
    return 1000 * total


@contextmanager
def visit(browser: Browser, *scripts: str) -> Iterator[Page]:
    """Open a page in a browser that has kept nothing; `scripts` run in it before its own."""
    page = browser.new_page(bypass_csp=True, viewport=SIZE)  # for wait_for_function
    page.set_default_timeout(PATIENCE)
    for script in scripts:
        page.add_init_script(script)
    yield page
    page.close()


def opened(page: Page, url: str, names: Sequence[str], timed: Timed) -> None:
    """Ask for a page and note when its watch saw things."""
    _settled(page)
    _measured(page, lambda: page.goto(url, wait_until="commit"), names, timed)


def acted(page: Page, act: Callable[[], Any], wanted: str, timed: Timed) -> None:
    """Note how long after a key or click the list shows what is wanted, and how many there are."""
    _settled(page)
    page.evaluate(WATCH_LIST, {"wanted": wanted})
    _measured(page, act, ("rows", "total"), timed)


def _measured(page: Page, act: Callable[[], Any], names: Sequence[str], timed: Timed) -> None:
    before = processor(WEB), processor(RENDERER)
    act()
    page.wait_for_function("(names) => names.every((name) => window.seen?.[name])", arg=names)
    seen = page.evaluate("window.seen")
    timed.add(seen, processor(WEB) - before[0], processor(RENDERER) - before[1])


def _settled(page: Page) -> None:
    page.wait_for_load_state("networkidle")  # of what was before: its charts are computed


def cold_bytes(browser: Browser, url: str) -> int:
    """Return the bytes over the wire of a first visit, to the end of the page."""
    received: list[float] = []
    with visit(browser) as page:
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on(
            "Network.loadingFinished", lambda event: received.append(event["encodedDataLength"])
        )
        page.goto(url)
        _settled(page)
        page.keyboard.press("End")
        page.wait_for_timeout(500)
        _settled(page)
    return int(sum(received))


def spread(values: Sequence[float]) -> str:
    """Write the least, the median and the most of some milliseconds."""
    return " / ".join(f"{value:,.0f}" for value in (min(values), median(values), max(values)))
