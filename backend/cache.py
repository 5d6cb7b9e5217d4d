"""An LRU cache that computes each value once, even under concurrent requests."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlightCache(Generic[T]):
    """Keeps the `size` most recently used values.

    Concurrent requests for the same key wait for one computation: the charts of a page request
    the same value at once. Requests for other keys do not wait.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._key_locks: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()  # guards the dictionaries, not held while computing

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the value of `key`, computed if it is missing."""
        with self._lock:
            key_lock = self._key_locks.setdefault(key, threading.Lock())
        with key_lock:
            try:
                with self._lock:
                    if key in self._values:
                        self._values.move_to_end(key)
                        return self._values[key]
                return self._store(key, compute())
            finally:
                with self._lock:
                    self._key_locks.pop(key, None)

    def _store(self, key: Hashable, value: T) -> T:
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)
        return value
