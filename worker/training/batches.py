"""The batches of an epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from cachetools import LRUCache, cached
from numpy.typing import NDArray
from torch import Tensor

from backend.datasets.streams import Purpose, stream
from worker.training.layers import Batch
from worker.training.member import Member
from worker.training.program import Program
from worker.training.rows import Rows

GATHERED_BYTES = 4 << 20  # of batches laid out beforehand
ORDER_BYTES = 16 << 20  # of orders that members of the same seed share

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Steps in which the same models, the first `active`, have a batch each.

    `rows` [steps, active, rows, outputs] and x are gathered into, and `batches` are views of x and
    of `targets` [steps, active, outputs, rows].
    """

    first: int
    end: int
    active: int
    x: Tensor
    rows: Tensor
    targets: Tensor
    batches: list[Batch]


class Batches:
    """The batches of each member: a function of its specification and epoch alone."""

    def __init__(self, program: Program, members: Sequence[Member], rows: Rows) -> None:
        self._program, self._members, self._rows = program, members, rows
        self.steps = [_steps(program, member) for member in members]
        self._whole = False  # whether the one batch, that is the whole set, is there
        smoothing = [member.spec.training.label_smoothing or 0.0 for member in members]
        self._smoothing = rows.x.new_tensor(smoothing)[None, :, None, None]
        self._stretches = self._prepared()

    def epoch(self) -> Iterator[tuple[int, Batch]]:
        """Yield, for each step of the members' present epoch, the active models and a batch each.

        A batch's tensors hold others at a later step. Kept units are left out: see `masks`.
        """
        rows = None if self._whole else torch.from_numpy(self._index()).to(self._rows.x.device)
        for stretch in self._stretches:
            if rows is not None:
                self._gather(stretch, rows[stretch.first : stretch.end, : stretch.active])
            for batch in stretch.batches:
                yield stretch.active, batch
        self._whole = self._program.whole

    def _gather(self, stretch: Stretch, index: Tensor) -> None:
        """Put the rows of a stretch's batches into its tensors."""
        flat, table = index.reshape(-1), self._rows
        torch.index_select(table.x, 0, flat, out=stretch.x.view(len(flat), -1))
        torch.index_select(table.targets, 0, flat, out=stretch.rows.view(len(flat), -1))
        stretch.targets.copy_(stretch.rows.transpose(2, 3))
        if self._program.smooths:
            share = self._smoothing[:, : stretch.active]
            stretch.targets.mul_(1 - share).add_(share / self._program.outputs)

    def _index(self) -> Index:
        """Return the row of every batch's every row [steps, models, rows]; padding is any row."""
        program, members = self._program, self._members
        index = np.zeros((max(self.steps), len(members), program.rows), np.int64)
        for place, member in enumerate(members):
            first = self._rows.first[place] + program.n_validation + program.n_test
            n = member.spec.dataset.n_train
            batch = program.batch or n
            padded = np.zeros(self.steps[place] * batch, np.int64)
            padded[:n] = self._order(member, n)
            index[: self.steps[place], place, :batch] = first + padded.reshape(-1, batch)
        return index

    def _order(self, member: Member, n: int) -> Index:
        if self._program.whole:
            return np.arange(n)
        return order(member.spec.training.seed, member.epoch, n)

    def _prepared(self) -> list[Stretch]:
        """Return the stretches of any epoch, all of them in the same memory."""
        program, like, weights = self._program, self._rows.x, self._row_weights()
        cuts = list(self._cuts())
        most = max(((end - first) * active for first, end, active in cuts), default=0)
        inputs, outputs = (
            like.new_empty(most * program.rows * size)
            for size in (program.inputs, 2 * program.outputs)
        )
        stretches = []
        for first, end, active in cuts:
            count, rows = (end - first) * active * program.rows, (end - first, active, program.rows)
            x = inputs[: count * program.inputs].view(*rows, -1)
            given, turned = outputs[: 2 * count * program.outputs].view(2, -1)
            targets = turned.view(end - first, active, program.outputs, program.rows)
            batches = [
                Batch(*of_step, None)
                for of_step in zip(x, targets, weights[first:end, :active], strict=True)
            ]
            stretches.append(
                Stretch(first, end, active, x, given.view(*rows, -1), targets, batches)
            )
        return stretches

    def _cuts(self) -> Iterator[tuple[int, int, int]]:
        """Cut an epoch where a member has no more batches, and where memory ends.

        Yields the first step, the end, and how many members have batches.
        """
        program, first = self._program, 0
        bytes_per_row = 8 * (program.inputs + 2 * program.outputs)
        while first < self.steps[0]:
            active = sum(steps > first for steps in self.steps)
            most = max(1, GATHERED_BYTES // (active * program.rows * bytes_per_row))
            end = min(first + most, self.steps[active - 1])
            yield first, end, active
            first = end

    def _row_weights(self) -> Tensor:
        """Return 1 / rows for a batch's rows, 0 for padding [steps, models, 1, rows]."""
        weights = np.zeros((max(self.steps), len(self._members), 1, self._program.rows))
        for place, member in enumerate(self._members):
            n = member.spec.dataset.n_train
            batch = self._program.batch or n
            for step in range(self.steps[place]):
                size = min(batch, n - step * batch)
                weights[step, place, 0, :size] = 1 / size
        return torch.from_numpy(weights).to(self._rows.x)


@cached(LRUCache(ORDER_BYTES, lambda found: found.nbytes))
def order(seed: int, epoch: int, n: int) -> Index:
    """Return the order in which an epoch passes over n samples."""
    return stream(seed, Purpose.BATCHES, epoch).permutation(n)


def _steps(program: Program, member: Member) -> int:
    return 1 if program.whole else ceil(member.spec.dataset.n_train / program.batch)
