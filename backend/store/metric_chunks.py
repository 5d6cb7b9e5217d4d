"""Chunks of points: consecutive values of one metric of one run, packed into bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import pack, unpack_from

import numpy as np

from backend.series import Series
from backend.store.bulk import RowValues

VALUE_BYTES = 8  # of a step (int64) and of a value (float64)


@dataclass(frozen=True)
class Chunk:
    """New values of one metric of one run at ascending steps, each step once. NaN is allowed."""

    run_id: int
    key: str
    steps: Sequence[int]
    values: Sequence[float]
    recorded_at: int

    def row(self, key_id: int) -> RowValues:
        """Return the chunk as a row of the table of metrics."""
        steps = pack(f"<{len(self.steps)}q", *self.steps)
        values = pack(f"<{len(self.steps)}d", *self.values)
        first, last = self.steps[0], self.steps[-1]
        return self.run_id, key_id, first, last, steps, values, self.recorded_at


def unpack_points(packed_steps: bytes, packed_values: bytes) -> list[tuple[int, float]]:
    """Return the points of a chunk as (step, value)."""
    steps: list[int] = np.frombuffer(packed_steps, "<i8").tolist()
    values: list[float] = np.frombuffer(packed_values, "<f8").tolist()
    return list(zip(steps, values, strict=True))


def value_at(step: int, packed_steps: bytes, packed_values: bytes) -> float | None:
    """Return the value of a chunk at a step between its first and last, None if it has none."""
    steps = np.frombuffer(packed_steps, "<i8")
    place = int(steps.searchsorted(step))
    if steps[place] != step:
        return None
    (value,) = unpack_from("<d", packed_values, VALUE_BYTES * place)  # reads only this value
    return float(value)


def join_chunks(
    chunks: Sequence[tuple[bytes, bytes]], first: int | None, last: int | None
) -> Series:
    """Join packed chunks, ordered by first step, and select the steps from `first` to `last`.

    A chunk may reach into the one after it.
    """
    steps = np.frombuffer(b"".join(steps for steps, _ in chunks), "<i8")
    values = np.frombuffer(b"".join(values for _, values in chunks), "<f8")
    if (steps[1:] < steps[:-1]).any():
        order = steps.argsort(kind="stable")
        steps, values = steps[order], values[order]
    whole = Series(steps, values)
    return whole.take(whole.between(first, last))
