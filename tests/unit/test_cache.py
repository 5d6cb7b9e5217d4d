from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier, Event

from backend.cache import SingleFlightCache


def test_concurrent_requests_compute_a_value_once() -> None:
    cache: SingleFlightCache[int] = SingleFlightCache(2)
    numbers = count(1)
    together = Barrier(6)

    def ask(_: int) -> int:
        together.wait()
        return cache.get("key", lambda: next(numbers))

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(ask, range(6))) == {1}


def test_the_least_recently_used_value_is_evicted() -> None:
    cache: SingleFlightCache[str] = SingleFlightCache(2)
    for key in ("a", "b", "a", "c"):
        cache.get(key, lambda key=key: key)  # type: ignore[misc]
    assert cache.get("a", lambda: "new") == "a"
    assert cache.get("b", lambda: "new") == "new"


def test_a_request_for_another_key_does_not_wait() -> None:
    cache: SingleFlightCache[str] = SingleFlightCache(2)
    started, other_made = Event(), Event()

    def slowly() -> str:
        started.set()
        return str(other_made.wait(5))

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(cache.get, "slow", slowly)
        started.wait()
        assert cache.get("quick", lambda: "made") == "made"
        other_made.set()
        assert slow.result() == "True"
