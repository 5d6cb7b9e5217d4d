"""The batches of an epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from torch import Tensor

from worker.training.ensemble import EnsembleData
from worker.training.layers import StackedBatch
from worker.training.member import GroupMember
from worker.training.program import TrainingProgram
from worker.training.random_draws import Index, sample_order

GATHERED_BYTES = 4 << 20  # batches that are gathered at once, before their steps run


@dataclass(frozen=True, slots=True)
class StepChunk:
    """Consecutive steps in which the same models, the first `active`, have a batch each.

    Samples are gathered into x [steps, active, rows, inputs] and `rows` [steps, active, rows,
    outputs]. `batches` are views of x and of `targets` [steps, active, outputs, rows].
    """

    first: int
    end: int
    active: int
    x: Tensor
    rows: Tensor
    targets: Tensor
    batches: list[StackedBatch]


class Batches:
    """The batches of all members. They depend on a member's specification and epoch alone."""

    def __init__(
        self, program: TrainingProgram, members: Sequence[GroupMember], rows: EnsembleData
    ) -> None:
        self._program, self._members, self._rows = program, members, rows
        self.steps = [_steps(program, member) for member in members]
        self._whole = False  # whether the only batch, the whole training set, is already in place
        smoothing = [member.spec.training.label_smoothing or 0.0 for member in members]
        self._smoothing = rows.x.new_tensor(smoothing)[None, :, None, None]
        self._chunks = self._prepared()

    def epoch(self) -> Iterator[tuple[int, StackedBatch]]:
        """Yield for each step of the members' current epoch the active models and their batch.

        The tensors of a batch are reused by later steps. Dropout masks are not included, see
        `Masks`.
        """
        rows = None if self._whole else torch.from_numpy(self._index()).to(self._rows.x.device)
        for chunk in self._chunks:
            if rows is not None:
                self._gather(chunk, rows[chunk.first : chunk.end, : chunk.active])
            for batch in chunk.batches:
                yield chunk.active, batch
        self._whole = self._program.whole

    def _gather(self, chunk: StepChunk, index: Tensor) -> None:
        """Copy the samples of a chunk's batches into its tensors."""
        flat, table = index.reshape(-1), self._rows
        torch.index_select(table.x, 0, flat, out=chunk.x.view(len(flat), -1))
        torch.index_select(table.targets, 0, flat, out=chunk.rows.view(len(flat), -1))
        chunk.targets.copy_(chunk.rows.transpose(2, 3))
        if self._program.smooths:
            share = self._smoothing[:, : chunk.active]
            chunk.targets.mul_(1 - share).add_(share / self._program.outputs)

    def _index(self) -> Index:
        """Return the row index of all samples of all batches [steps, models, rows].

        Padding points to an arbitrary row, because its weight is 0.
        """
        program, members = self._program, self._members
        index = np.zeros((max(self.steps), len(members), program.rows), np.int64)
        for position, member in enumerate(members):
            first = self._rows.first[position] + program.n_validation + program.n_test
            n = member.spec.dataset.n_train
            batch = program.batch or n
            padded = np.zeros(self.steps[position] * batch, np.int64)
            padded[:n] = self._order(member, n)
            index[: self.steps[position], position, :batch] = first + padded.reshape(-1, batch)
        return index

    def _order(self, member: GroupMember, n: int) -> Index:
        if self._program.whole:
            return np.arange(n)
        return sample_order(member.spec.training.seed, member.epoch, n)

    def _prepared(self) -> list[StepChunk]:
        """Return the chunks of an epoch. They all use the same memory, one after the other."""
        program, like, weights = self._program, self._rows.x, self._row_weights()
        spans = list(self._cuts())
        longest = max(((end - first) * active for first, end, active in spans), default=0)
        inputs, outputs = (
            like.new_empty(longest * program.rows * size)
            for size in (program.inputs, 2 * program.outputs)
        )
        chunks = []
        for first, end, active in spans:
            count, rows = (end - first) * active * program.rows, (end - first, active, program.rows)
            x = inputs[: count * program.inputs].view(*rows, -1)
            gathered, transposed = outputs[: 2 * count * program.outputs].view(2, -1)
            targets = transposed.view(end - first, active, program.outputs, program.rows)
            batches = [
                StackedBatch(*tensors, None)
                for tensors in zip(x, targets, weights[first:end, :active], strict=True)
            ]
            chunks.append(
                StepChunk(first, end, active, x, gathered.view(*rows, -1), targets, batches)
            )
        return chunks

    def _cuts(self) -> Iterator[tuple[int, int, int]]:
        """Split an epoch where a member runs out of batches or the memory for a chunk is full.

        Yields the first step, the end, and the number of members that have batches.
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
        """Return the row weights [steps, models, 1, rows]: 1 / batch size, and 0 for padding."""
        weights = np.zeros((max(self.steps), len(self._members), 1, self._program.rows))
        for position, member in enumerate(self._members):
            n = member.spec.dataset.n_train
            batch = self._program.batch or n
            for step in range(self.steps[position]):
                size = min(batch, n - step * batch)
                weights[step, position, 0, :size] = 1 / size
        return torch.from_numpy(weights).to(self._rows.x)


def _steps(program: TrainingProgram, member: GroupMember) -> int:
    return 1 if program.whole else ceil(member.spec.dataset.n_train / program.batch)
