"""Random draws of training, each a function of a run's seed, a purpose and an epoch alone."""

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch
from cachetools import LRUCache, cached
from numpy.typing import NDArray
from torch import Tensor

from backend.datasets.random_streams import Purpose, stream
from worker.training.program import TrainingProgram

if TYPE_CHECKING:
    from worker.training.member import GroupMember

ORDER_BYTES = 16 << 20  # cached orders of samples, which members with the same seed share
MASK_BYTES = 8 << 20  # dropout masks that are drawn, and copied to the device, at once

Index = NDArray[np.int64]


def reseed(generator: torch.Generator, seed: int, purpose: Purpose, *which: int) -> torch.Generator:
    """Set a torch generator to the start of a purpose's random stream; return the generator."""
    state = np.random.SeedSequence(seed, spawn_key=(purpose, *which)).generate_state(1, np.uint64)
    return generator.manual_seed(int(state[0] >> 1))


@cached(LRUCache(ORDER_BYTES, lambda rows: rows.nbytes))
def sample_order(seed: int, epoch: int, n: int) -> Index:
    """Return the order in which an epoch visits n samples."""
    return stream(seed, Purpose.BATCHES, epoch).permutation(n)


class DropoutMasks:
    """Draws the dropout masks of an ensemble.

    Those of several steps are drawn at once: each copy to a GPU would halt it. `steps` are the
    steps of an epoch of each member, the longest first.
    """

    def __init__(
        self,
        program: TrainingProgram,
        members: "Sequence[GroupMember]",
        like: Tensor,
        steps: Sequence[int],
    ) -> None:
        self._program, self._members, self._like, self._steps = program, members, like, steps
        self._streams: list[np.random.Generator] = []
        self._done = 0
        self._drawn: Iterator[Tensor] = iter(())

    def begin(self) -> None:
        """Start the random streams of the members' current epoch."""
        self._streams = [
            stream(member.spec.training.seed, Purpose.DROPOUT, member.epoch)
            for member in self._members
        ]
        self._done, self._drawn = 0, iter(())

    def step(self, active: int) -> Tensor:
        """Return the masks of the next step [depth, models, units, rows]: 1 / (1 - dropout) or 0.

        The units axis is as long as the widest layer. The units of a narrower layer come first.
        """
        masks = next(self._drawn, None)
        if masks is None:
            self._drawn = iter(self._draw(active))
            masks = next(self._drawn)
        self._done += 1
        return masks

    def _draw(self, active: int) -> Tensor:
        """Draw the masks of the next steps in which the same members are trained."""
        program, dtype = self._program, np.dtype(str(self._like.dtype).removeprefix("torch."))
        shape = (program.depth, active, program.width, program.rows)
        most = max(1, MASK_BYTES // (math.prod(shape) * dtype.itemsize))
        count = min(most, self._steps[active - 1] - self._done)
        masks = np.zeros((count, *shape), dtype)
        for position, member in enumerate(self._members[:active]):
            dropout = member.spec.model.dropout or 0.0
            rows = program.batch or member.spec.dataset.n_train
            for step, (layer, units) in product(range(count), enumerate(member.spec.model.hidden)):
                drawn = self._streams[position].random((units, rows), np.float32)
                masks[step, layer, position, :units, :rows] = (drawn >= dropout) / (1 - dropout)
        return torch.from_numpy(masks).to(self._like.device)
