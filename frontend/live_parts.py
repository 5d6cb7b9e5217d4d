"""Parts of live pages. Each is rendered once for all viewers and sent only when it changed.

A live page consists of parts: elements with an id, whose HTML is rendered again while runs train. A
viewer requests the parts that changed since the version it has. The time between two renderings
keeps all live pages together within a fixed share of one core, however many viewers there are.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

MIN_SECONDS = 1.0  # between two computations of a value
SHARE = 0.05  # of a core, for all values of a PacedCache
ACTIVE_SECONDS = 30.0  # after its last request, a value counts as in use
MAX_VALUES = 64

T = TypeVar("T")


@dataclass
class _Slot(Generic[T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: T | None = None
    due: float = 0.0
    used: float = 0.0


class PacedCache(Generic[T]):
    """Shared values, computed again as often as a share of one core allows.

    A value whose computation takes 0.1 s of processor time is at most `0.1 / share` seconds old. If
    n values are in use, it is at most n times as old. The first computation does not count.
    """

    def __init__(
        self,
        share: float = SHARE,
        *,
        clock: Callable[[], float] = time.monotonic,
        processor: Callable[[], float] = time.thread_time,
    ) -> None:
        self._share = share
        self._clock = clock
        self._processor = processor
        self._slots: OrderedDict[Hashable, _Slot[T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[T | None], T]) -> tuple[T, float]:
        """Return a value and the seconds until it is computed again.

        `compute` is called with the previous value, or None. Requests that arrive while it runs
        wait for its result.
        """
        slot = self._slot(key)
        with slot.lock:
            if slot.value is None or self._clock() >= slot.due:
                is_first = slot.value is None
                start = self._processor()
                slot.value = compute(slot.value)
                cost = self._processor() - start
                if is_first:  # it includes one-off costs, such as compiling the template
                    cost = 0.0
                pause = max(MIN_SECONDS, cost / self._share * self._active())
                slot.due = self._clock() + pause
            return slot.value, max(0.0, slot.due - self._clock())

    def _slot(self, key: Hashable) -> _Slot[T]:
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            slot.used = self._clock()
            while len(self._slots) > MAX_VALUES:
                self._slots.popitem(last=False)
            return slot

    def _active(self) -> int:
        now = self._clock()
        with self._lock:
            return sum(now - slot.used < ACTIVE_SECONDS for slot in self._slots.values())


@dataclass(frozen=True)
class ChartTexts:
    """The description and marked epochs of a growing chart. A mark without an epoch is hidden."""

    description: str
    marks: Mapping[str, int | None]


@dataclass(frozen=True)
class PageContent:
    """The content of a live page at one revision: HTML by element id, and the texts of its charts.

    `version` is the time of reading, see `version_now`. The parts replace those of a page with the
    same `stage`. After a change of stage, the browser loads the whole page again.
    """

    revision: int
    version: int
    stage: str
    parts: Mapping[str, str]
    charts: Mapping[str, ChartTexts] = field(default_factory=dict)


def version_now() -> int:
    """Return the version of a reading that begins now: the time in milliseconds."""
    return int(time.time() * 1000)


@dataclass(frozen=True)
class Rendering:
    """The content of a live page, with the version at which each part last changed."""

    content: PageContent
    first_version: int
    changed: Mapping[str, int]

    @classmethod
    def following(cls, before: "Rendering | None", content: PageContent) -> "Rendering":
        """Return the rendering of `content`, which is newer than the rendering `before`."""
        version = content.version
        if before is None:
            return cls(content, version, dict.fromkeys(content.parts, version))
        changed = {
            name: before.changed[name] if before.content.parts.get(name) == html else version
            for name, html in content.parts.items()
        }
        return cls(content, before.first_version, changed)

    def since(self, version: int) -> dict[str, str]:
        """Return the parts that changed after a version, or all parts if the version is unknown."""
        parts = self.content.parts
        if not self.first_version <= version <= version_now():
            return dict(parts)
        return {name: html for name, html in parts.items() if self.changed[name] > version}


class LivePages:
    """The live pages of one app: their renderings by URL, and the states that they share."""

    def __init__(self, share: float = SHARE) -> None:
        self.states: PacedCache[Any] = PacedCache(share)
        self._renderings: PacedCache[Rendering] = PacedCache(share)

    def update(
        self, url: Hashable, seen: int, render: Callable[[PageContent | None], PageContent]
    ) -> dict[str, Any]:
        """Return the parts that a viewer with version `seen` lacks, as JSON for live_parts.js.

        `render` is called with the previous content, and returns it if there is nothing newer.
        """

        def compute(before: Rendering | None) -> Rendering:
            content = render(before.content if before else None)
            if before and content is before.content:
                return before
            return Rendering.following(before, content)

        rendering, pause = self._renderings.get(url, compute)
        content = rendering.content
        return {
            "revision": content.revision,
            "version": content.version,
            "stage": content.stage,
            "pause": round(1000 * pause),
            "parts": rendering.since(seen),
            "charts": {
                name: {"description": chart.description, "marks": chart.marks}
                for name, chart in content.charts.items()
            },
        }
