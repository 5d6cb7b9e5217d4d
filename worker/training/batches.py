"""The data of an ensemble on its device, and the batches of an epoch."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from cachetools import LRUCache, cached
from numpy.typing import NDArray
from torch import Tensor

from worker.training.layers import Batch
from worker.training.member import Member
from worker.training.program import Program
from worker.training.streams import Purpose, stream

GATHERED_BYTES = 4 << 20  # of batches laid out beforehand
KEPT_BYTES = 48 << 20  # of an ensemble's evaluation blocks that are laid out once and for all
ORDER_BYTES = 16 << 20  # of orders that members of the same seed share

Index = NDArray[np.int64]


class Rows:
    """The rows of the distinct data sets of an ensemble's members.

    x [rows, inputs] and targets [rows, outputs], of each data set validation, test, padding to a
    whole block, train, padding to a whole block. Members that share a data set share its rows.
    """

    def __init__(
        self,
        program: Program,
        members: Sequence[Member],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        places: dict[Hashable, int] = {}
        xs: list[Tensor] = []
        targets: list[Tensor] = []
        self.first: list[int] = []  # of each member's data set
        total = 0
        for member in members:
            if member.data_key not in places:
                x, y = _rows(program, member)
                places[member.data_key] = total
                total += len(x)
                xs.append(torch.from_numpy(x).to(device, dtype))
                targets.append(torch.from_numpy(y).to(device, dtype))
            self.first.append(places[member.data_key])
        self.x, self.targets = torch.cat(xs), torch.cat(targets)


def _rows(program: Program, member: Member) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a member's rows: inputs padded to the program's, with the column of ones."""
    data, trained = member.data, program.held_out
    rows = trained + ceil(len(data.train.x) / program.block) * program.block
    x, y = np.zeros((rows, program.inputs)), np.zeros((rows, program.outputs))
    tested = len(data.validation.x)
    for part, first in ((data.validation, 0), (data.test, tested), (data.train, trained)):
        features, end = member.features(part.x), first + len(part.x)
        x[first:end, : features.shape[1]] = features
        y[first:end] = member.targets(part.y)
        if program.biased:
            x[first:end, features.shape[1]] = 1
    return x, y


@dataclass(frozen=True, slots=True)
class Stretch:
    """Steps in which the same models, the first `active`, have a batch each."""

    first: int
    end: int
    active: int


class Batches:
    """The batches of each member: a function of its specification and epoch alone."""

    def __init__(self, program: Program, members: Sequence[Member], rows: Rows) -> None:
        self._program, self._members, self._rows = program, members, rows
        self.steps = [_steps(program, member) for member in members]
        self._weights = self._row_weights()
        self._whole: list[tuple[int, Batch]] = []  # the one batch, where it is the whole set
        smoothing = [member.spec.training.label_smoothing or 0.0 for member in members]
        self._smoothing = rows.x.new_tensor(smoothing)[None, :, None, None]

    def epoch(self) -> Iterator[tuple[int, Batch]]:
        """Yield, for each step of the members' present epoch, the active models and a batch each.

        Kept units are left out: see `masks`.
        """
        if self._whole:
            yield from self._whole
            return
        rows = torch.from_numpy(self._index()).to(self._rows.x.device)
        for stretch in self._stretches():
            index = rows[stretch.first : stretch.end, : stretch.active]
            x, targets = self._gathered(self._rows.x, index), self._targets(index)
            weights = self._weights[stretch.first : stretch.end, : stretch.active]
            for step in range(stretch.end - stretch.first):
                found = stretch.active, Batch(x[step], targets[step], weights[step], None)
                if self._program.whole:
                    self._whole.append(found)
                yield found

    def _gathered(self, table: Tensor, index: Tensor) -> Tensor:
        return torch.index_select(table, 0, index.reshape(-1)).view(*index.shape, -1)

    def _targets(self, index: Tensor) -> Tensor:
        targets = self._gathered(self._rows.targets, index).transpose(2, 3).contiguous()
        if not self._program.smooths:
            return targets
        share = self._smoothing[:, : index.shape[1]]
        return targets * (1 - share) + share / self._program.outputs

    def _index(self) -> Index:
        """Return the row of every batch's every row [steps, models, rows]; padding is any row."""
        program, members = self._program, self._members
        index = np.zeros((max(self.steps), len(members), program.rows), np.int64)
        for place, member in enumerate(members):
            first = self._rows.first[place] + program.held_out
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

    def _stretches(self) -> Iterator[Stretch]:
        """Cut an epoch where a member has no more batches, and where memory ends."""
        program, first = self._program, 0
        bytes_per_row = 8 * (program.inputs + 2 * program.outputs)
        while first < self.steps[0]:
            active = sum(steps > first for steps in self.steps)
            most = max(1, GATHERED_BYTES // (active * program.rows * bytes_per_row))
            end = min(first + most, self.steps[active - 1])
            yield Stretch(first, end, active)
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


class Blocks:
    """All rows of every member, a block at a time, to be evaluated on.

    `held_out` rows are of validation and test, padded to whole blocks; training rows follow.
    """

    def __init__(self, program: Program, members: Sequence[Member], rows: Rows) -> None:
        self.size = program.block
        sizes = [member.spec.dataset.n_train for member in members]
        held_out = program.held_out // self.size
        blocks = [held_out + ceil(size / self.size) for size in sizes]
        self.count = max(blocks)
        self._active = [sum(n > j for n in blocks) for j in range(self.count)]
        self._x = rows.x.view(-1, self.size, program.inputs)
        targets = rows.targets.view(-1, self.size, program.outputs)
        self._first = torch.tensor(rows.first, device=rows.x.device) // self.size
        places = np.arange((self.count - held_out) * self.size)
        real = torch.from_numpy(places < np.array(sizes)[:, None])
        self.real = real.to(rows.x.device)
        of_all = self.count * program.outputs + sum(blocks) * program.inputs
        self._keeps = of_all * self.size * rows.x.element_size() <= KEPT_BYTES
        self._kept: dict[int, Tensor] = {}
        self.targets = rows.targets.new_zeros(len(members), program.outputs, self.count * self.size)
        for block, active in enumerate(self._active):
            found = targets[self._first[:active] + block].transpose(1, 2)
            self.targets[:active, :, block * self.size : (block + 1) * self.size] = found

    def __iter__(self) -> Iterator[Tensor]:
        """Yield x [members, block, inputs] of the members that have the next block: the first."""
        for block, active in enumerate(self._active):
            found = self._kept.get(block)
            if found is None:
                found = self._x[self._first[:active] + block]
                if self._keeps:
                    self._kept[block] = found
            yield found
