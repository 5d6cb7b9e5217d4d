"""Timing of pages in a real browser: when something is shown, and its cost in processor time.

Times are taken inside the page by its own clock, so that the communication with the browser does
not count. Processor time is that of the web process and of the browser's renderer processes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psutil
from playwright.sync_api import Browser, Page, ViewportSize

SIZE = ViewportSize(width=1280, height=860)
TIMEOUT_MILLISECONDS = 300_000  # generous: a busy machine is slow, not broken
WEB, RENDERER = "backend.supervisor.web", "--type=renderer"

# Records when something was first painted, in milliseconds since the page was requested. The grid
# is used as by a person: an arrow key moves from its first cell to the next, whose card opens.
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

# Records the milliseconds from the next key or click until the wanted element was painted.
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
    """Repeated measurements of the milliseconds until an observation, and of processor time."""

    seen: dict[str, list[float]] = field(default_factory=dict)
    web: list[float] = field(default_factory=list)
    page: list[float] = field(default_factory=list)

    def add(self, seen: dict[str, float], web: float, page: float) -> None:
        """Add one measurement."""
        for name, milliseconds in seen.items():
            self.seen.setdefault(name, []).append(milliseconds)
        self.web.append(web)
        self.page.append(page)

    def warm(self) -> "Timed":
        """Return all measurements except the first, which starts with empty caches."""
        return Timed(
            {name: values[1:] for name, values in self.seen.items()}, self.web[1:], self.page[1:]
        )


def processor(word: str) -> float:
    """Return the processor milliseconds of all child processes with a word in their command."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if any(word in argument for argument in process.cmdline()):
                total += sum(process.cpu_times()[:2])
        except psutil.Error:
            continue
    return 1000 * total


@contextmanager
def visit(browser: Browser, *scripts: str) -> Iterator[Page]:
    """Open a page in a fresh browser context; `scripts` run in it before the page's own scripts."""
    page = browser.new_page(bypass_csp=True, viewport=SIZE)  # for wait_for_function
    page.set_default_timeout(TIMEOUT_MILLISECONDS)
    for script in scripts:
        page.add_init_script(script)
    yield page
    page.close()


def opened(page: Page, url: str, names: Sequence[str], timed: Timed) -> None:
    """Request a page and record when its watch script observed things."""
    _settled(page)
    _measured(page, lambda: page.goto(url, wait_until="commit"), names, timed)


def acted(page: Page, act: Callable[[], Any], wanted: str, timed: Timed) -> None:
    """Record how long after a key or click the list shows the wanted element and the count."""
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
    page.wait_for_load_state("networkidle")  # the charts of the previous page


def cold_bytes(browser: Browser, url: str) -> int:
    """Return the bytes over the wire of a first visit that scrolls to the end of the page."""
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
    """Format the minimum, the median and the maximum of some milliseconds."""
    return " / ".join(f"{value:,.0f}" for value in (min(values), median(values), max(values)))
