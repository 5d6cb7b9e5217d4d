from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier, Event

from backend.cache import SingleFlightCache


def test_a_result_is_made_once_however_many_ask_at_once() -> None:
    kept: SingleFlightCache[int] = SingleFlightCache(2)
    numbers = count(1)
    together = Barrier(6)

    def ask(_: int) -> int:
        together.wait()
        return kept.get("key", lambda: next(numbers))

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(ask, range(6))) == {1}


def test_what_was_not_asked_for_longest_goes_first() -> None:
    kept: SingleFlightCache[str] = SingleFlightCache(2)
    for key in ("a", "b", "a", "c"):
        kept.get(key, lambda key=key: key)  # type: ignore[misc]
    assert kept.get("a", lambda: "anew") == "a"
    assert kept.get("b", lambda: "anew") == "anew"


def test_who_asks_for_another_result_does_not_wait() -> None:
    kept: SingleFlightCache[str] = SingleFlightCache(2)
    started, other_made = Event(), Event()

    def slowly() -> str:
        started.set()
        return str(other_made.wait(5))

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(kept.get, "slow", slowly)
        started.wait()
        assert kept.get("quick", lambda: "made") == "made"
        other_made.set()
        assert slow.result() == "True"
