"""The data of an ensemble on its device, and the batches of an epoch."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.training.layers import Batch
from worker.training.member import Member
from worker.training.program import Program
from worker.training.streams import Purpose, stream

GATHERED_BYTES = 4 << 20  # of batches laid out beforehand
KEPT_BYTES = 48 << 20  # of an ensemble's evaluation blocks that are laid out once and for all

Index = NDArray[np.int64]


class Rows:
    """The rows of the distinct data sets of an ensemble's members.

    x [rows, inputs] and targets [rows, outputs]; each data set begins at a multiple of a block:
    validation, test, train, padding. Members that share a data set share its rows.
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
    parts = (member.data.validation, member.data.test, member.data.train)
    features = member.features(np.concatenate([part.x for part in parts]))
    targets = member.targets(np.concatenate([part.y for part in parts]))
    padded = ceil(len(features) / program.block) * program.block
    x, y = np.zeros((padded, program.inputs)), np.zeros((padded, program.outputs))
    x[: len(features), : features.shape[1]] = features
    if program.biased:
        x[:, features.shape[1]] = 1
    y[: len(targets)] = targets
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
        smoothing = [member.spec.training.label_smoothing or 0.0 for member in members]
        self._smoothing = rows.x.new_tensor(smoothing)[None, :, None, None]

    def epoch(self) -> Iterator[tuple[int, Batch]]:
        """Yield, for each step of the members' present epoch, the active models and a batch each.

        Kept units are left out: see `masks`.
        """
        rows = torch.from_numpy(self._index()).to(self._rows.x.device)
        for stretch in self._stretches():
            index = rows[stretch.first : stretch.end, : stretch.active]
            x = self._rows.x[index]
            targets = self._rows.targets[index].transpose(2, 3).contiguous()
            if self._program.smooths:
                share = self._smoothing[:, : stretch.active]
                targets = targets * (1 - share) + share / self._program.outputs
            weights = self._weights[stretch.first : stretch.end, : stretch.active]
            for step in range(stretch.end - stretch.first):
                yield stretch.active, Batch(x[step], targets[step], weights[step], None)

    def _index(self) -> Index:
        """Return the row of every batch's every row [steps, models, rows]; padding is any row."""
        program, members = self._program, self._members
        index = np.zeros((max(self.steps), len(members), program.rows), np.int64)
        offset = program.n_validation + program.n_test
        for place, member in enumerate(members):
            first = self._rows.first[place] + offset
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


@lru_cache(maxsize=512)
def order(seed: int, epoch: int, n: int) -> Index:
    """Return the order in which an epoch passes over n samples."""
    return stream(seed, Purpose.BATCHES, epoch).permutation(n)


def _steps(program: Program, member: Member) -> int:
    return 1 if program.whole else ceil(member.spec.dataset.n_train / program.batch)


class Blocks:
    """All rows of every member, a block at a time, to be evaluated on."""

    def __init__(self, program: Program, members: Sequence[Member], rows: Rows) -> None:
        self._size = program.block
        self._held_out = (program.n_validation, program.n_test)
        sizes = [sum(self._held_out) + member.spec.dataset.n_train for member in members]
        blocks = [ceil(size / self._size) for size in sizes]
        self._counts = [sum(n > j for n in blocks) for j in range(max(blocks))]
        self._x = rows.x.view(-1, self._size, program.inputs)
        self._targets = rows.targets.view(-1, self._size, program.outputs)
        self._first = torch.tensor(rows.first, device=rows.x.device) // self._size
        self._real = rows.x.new_tensor(
            np.arange(max(blocks) * self._size) < np.array(sizes)[:, None]
        )
        parts = [[member.spec.dataset.n_train, *self._held_out] for member in members]
        self.part_sizes = rows.x.new_tensor(parts).T  # train, validation, test [3, members]
        size = self._size * (program.inputs + program.outputs) * rows.x.element_size()
        self._keeps = sum(blocks) * size <= KEPT_BYTES
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    def __iter__(self) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Yield the members that have the next block, x [members, block, inputs] and targets.

        Those members are the first ones. Targets are [members, outputs, block].
        """
        for block, active in enumerate(self._counts):
            found = self._kept.get(block)
            if found is None:
                index = self._first[:active] + block
                found = self._x[index], self._targets[index].transpose(1, 2).contiguous()
                if self._keeps:
                    self._kept[block] = found
            yield active, *found

    def add(self, block: int, values: Tensor, sums: Tensor) -> None:
        """Add a block's values [active, block] to the sums [3, members] of the parts."""
        first, active = block * self._size, len(values)
        validation, test = self._held_out
        values = values * self._real[:active, first : first + self._size]
        # the training rows are last, and go to the block's end: all sums are of fixed lengths
        edges = (0, validation, validation + test, first + self._size)
        for part, (low, high) in zip((1, 2, 0), pairwise(edges), strict=True):
            low, high = max(low - first, 0), min(high - first, self._size)
            if low < high:
                sums[part, :active] += values[:, low:high].sum(1)
