"""Parts of live pages: paced computation, and what changed since a version."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from frontend.live_parts import LivePages, PacedCache, PageContent, Rendering, version_now


class Clock:
    """A clock that tests move by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def paced(clock: Clock, cost: float) -> PacedCache[int]:
    """A cache that may use a tenth of a core, for values that cost `cost` seconds each."""
    times = ticks(cost)
    return PacedCache(share=0.1, clock=clock, processor=lambda: next(times))


def ticks(cost: float) -> Iterator[float]:
    now = 0.0
    while True:
        yield now
        now += cost


def following(before: int | None) -> int:
    return (before or 0) + 1


@pytest.mark.parametrize(("cost", "pause"), [(0.001, 1.0), (0.5, 5.0)])
def test_a_value_is_computed_as_often_as_its_cost_allows(
    clock: Clock, cost: float, pause: float
) -> None:
    cache = paced(clock, cost)
    assert cache.get("a", following)[1] == pytest.approx(1), "the first is not counted"
    clock.now += 1
    assert cache.get("a", following)[1] == pytest.approx(pause)
    clock.now += pause - 0.25
    assert cache.get("a", following)[0] == 2
    clock.now += 0.25
    assert cache.get("a", following)[0] == 3


def test_values_in_use_share_the_processor_time(clock: Clock) -> None:
    cache = paced(clock, 0.5)
    for key in ("a", "b"):
        cache.get(key, following)
    clock.now += 1
    assert cache.get("b", following)[1] == pytest.approx(10)
    clock.now += 60  # nobody requests the first value any more
    assert cache.get("b", following)[1] == pytest.approx(5)


def test_simultaneous_requests_share_a_computation() -> None:
    cache: PacedCache[int] = PacedCache()
    together = Barrier(4)

    def request(_: int) -> int:
        together.wait()
        return cache.get("a", following)[0]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(request, range(4))) == [1, 1, 1, 1]


def test_a_computation_that_fails_is_repeated(clock: Clock) -> None:
    cache = paced(clock, 0.001)
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda _: 1 // 0)
    assert cache.get("a", following)[0] == 1


def content(version: int, **parts: str) -> PageContent:
    return PageContent(revision=1, version=version, stage="running", parts=parts)


def test_only_parts_that_changed_since_a_version_are_sent() -> None:
    first = Rendering.following(None, content(10, head="1 of 2", cell="0.5"))
    second = Rendering.following(first, content(20, head="2 of 2", cell="0.5"))
    assert second.since(10) == {"head": "2 of 2"}
    assert second.since(20) == {}


@pytest.mark.parametrize("version", [0, 5, 10**15])
def test_all_parts_are_sent_if_the_version_is_not_known(version: int) -> None:
    rendering = Rendering.following(None, content(10, head="1 of 2", cell="0.5"))
    assert rendering.since(version) == {"head": "1 of 2", "cell": "0.5"}


def test_a_part_that_is_new_has_changed() -> None:
    first = Rendering.following(None, content(10, head="a"))
    second = Rendering.following(first, content(20, head="a", cell="0.5"))
    assert second.since(10) == {"cell": "0.5"}


def test_viewers_of_one_page_share_its_rendering() -> None:
    pages, rendered = LivePages(), []

    def render(_before: PageContent | None) -> PageContent:
        rendered.append(1)
        return content(version_now(), head="a")

    updates = [pages.update("/runs/1", 0, render) for _ in range(3)]
    assert len(rendered) == 1
    assert [update["parts"] for update in updates] == [{"head": "a"}] * 3
    assert pages.update("/runs/1", updates[0]["version"], render)["parts"] == {}
