"""Results kept in memory under what they are a function of."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlightCache(Generic[T]):
    """Keeps the newest results, up to `size` of them.

    Each is made once: the charts of a page ask for the same at once, and get the first's. Who asks
    for another does not wait for it.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._found: OrderedDict[Hashable, T] = OrderedDict()
        self._turns: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()  # of the dictionaries: not held while a result is made

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the result of a key, made if it is not there."""
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            try:
                with self._lock:
                    if key in self._found:
                        self._found.move_to_end(key)
                        return self._found[key]
                return self._keep(key, make())
            finally:
                with self._lock:
                    self._turns.pop(key, None)

    def _keep(self, key: Hashable, made: T) -> T:
        with self._lock:
            self._found[key] = made
            self._found.move_to_end(key)
            while len(self._found) > self._size:
                self._found.popitem(last=False)
        return made
