"""Evaluation of an ensemble's models, on their own data each epoch or on given features.

Models are evaluated in cohorts and rows in blocks, sized such that the activations between layers
stay in the processor's cache. Block sizes depend on a member's own specification alone. Each sum
also has a length of its own, whichever other members there are, so a metric is the same to the bit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from worker.training.ensemble import EnsembleData
from worker.training.losses import LOSS_FUNCTIONS
from worker.training.member import GroupMember
from worker.training.network import Network
from worker.training.program import Blocks, TrainingProgram

BuildNetwork = Callable[[slice, int], Network]  # (members, rows evaluated at once)


@dataclass(frozen=True, slots=True)
class Cohort:
    """Neighbouring members with equally many training samples, which are evaluated together.

    x [models, rows, inputs] and `targets` [models, outputs, rows] are views of the ensemble's data:
    of consecutive data sets, or of a single data set that all members share.
    """

    members: slice
    n_train: int
    x: Tensor
    targets: Tensor


class Evaluation:
    """Evaluates the members of an ensemble with networks that `build` creates."""

    def __init__(
        self,
        program: TrainingProgram,
        members: Sequence[GroupMember],
        rows: EnsembleData,
        build: BuildNetwork,
    ) -> None:
        self._program, self._build = program, build
        self._cohorts = list(_cohorts(program, members, rows))
        largest = max((cohort.targets.numel() for cohort in self._cohorts), default=0)
        self._outputs = rows.x.new_empty(largest)
        self._networks: dict[tuple[int, int], Network] = {}

    def metrics(self, check: Callable[[], None]) -> Tensor:
        """Return all members' metrics [members, keys]; call `check` before each cohort."""
        metrics = []
        for cohort in self._cohorts:
            check()
            blocks = self._program.evaluated(cohort.n_train)
            outputs = self._outputs[: cohort.targets.numel()].view(cohort.targets.shape)
            self._evaluate(cohort.members, cohort.x, blocks, outputs)
            metrics.append(self._means(outputs, cohort))
        return torch.cat(metrics)

    def _evaluate(self, members: slice, x: Tensor, blocks: Blocks, outputs: Tensor) -> None:
        """Write the outputs for x [models, rows, inputs] to `outputs` [models, outputs, rows]."""
        network = self._network(members, blocks.size)
        for start in range(0, blocks.rows, blocks.size):
            end = start + blocks.size
            outputs[:, :, start:end] = network.outputs(x[:, start:end])

    def _network(self, members: slice, rows: int) -> Network:
        key = members.start, rows
        if key not in self._networks:
            self._networks[key] = self._build(members, rows)
        return self._networks[key]

    def _means(self, outputs: Tensor, cohort: Cohort) -> Tensor:
        """Return the mean of each kind over train, validation and test [models, 3 x kinds]."""
        program = self._program
        of_rows = LOSS_FUNCTIONS[program.loss].of_rows
        kinds = of_rows(outputs, cohort.targets, program.classifies)
        evaluated = program.n_validation + program.n_test
        parts = (
            kinds[:, :, evaluated : evaluated + cohort.n_train],
            kinds[:, :, : program.n_validation],
            kinds[:, :, program.n_validation : evaluated],
        )
        means = torch.stack([part.mean(2) for part in parts], dim=1)  # [kinds, 3, models]
        return means.flatten(0, 1).T

    def outputs(self, features: Mapping[int, Tensor]) -> Tensor:
        """Map features [rows, inputs] by position to outputs [positions, rows, outputs]."""
        rows = len(next(iter(features.values())))
        blocks = self._program.blocks(rows)
        outputs_by_position: dict[int, Tensor] = {}
        for cohort in self._cohorts:
            positions = range(cohort.members.start, cohort.members.stop)
            if features.keys().isdisjoint(positions):
                continue
            x = self._inputs([features.get(position) for position in positions], blocks)
            outputs = x.new_empty(len(x), self._program.outputs, blocks.rows)
            self._evaluate(cohort.members, x, blocks, outputs)
            outputs_by_position |= dict(
                zip(positions, outputs[:, :, :rows].transpose(1, 2), strict=True)
            )
        return torch.stack([outputs_by_position[position] for position in features])

    def _inputs(self, features: Sequence[Tensor | None], blocks: Blocks) -> Tensor:
        """Return features as the networks take them [models, rows, inputs]; zeros where missing."""
        x = self._outputs.new_zeros(len(features), blocks.rows, self._program.inputs)
        for padded, rows in zip(x, features, strict=True):
            if rows is not None:
                padded[: len(rows), : rows.shape[1]] = rows
                if self._program.biased:
                    padded[:, rows.shape[1]] = 1
        return x


def _cohorts(
    program: TrainingProgram, members: Sequence[GroupMember], rows: EnsembleData
) -> Iterator[Cohort]:
    """Cut the members into cohorts of at most `program.cohort`."""
    first = 0
    while first < len(members):
        n_train = members[first].spec.dataset.n_train
        length = program.evaluated(n_train).rows
        end = first + 1
        # from the first member's data set to the second's: 0 if shared, `length` if consecutive
        step = rows.first[end] - rows.first[first] if end < len(members) else 0
        while (
            step in (0, length)
            and end < min(len(members), first + program.cohort)
            and members[end].spec.dataset.n_train == n_train
            and rows.first[end] - rows.first[end - 1] == step
        ):
            end += 1
        yield _cohort(rows, slice(first, end), n_train, length, shared=step == 0)
        first = end


def _cohort(
    rows: EnsembleData, members: slice, n_train: int, length: int, *, shared: bool
) -> Cohort:
    count = members.stop - members.start
    first, sets = rows.first[members.start], 1 if shared else count
    span = slice(first, first + sets * length)
    x = rows.x[span].view(sets, length, -1).expand(count, -1, -1)
    targets = rows.targets[span].view(sets, length, -1).transpose(1, 2).contiguous()
    return Cohort(members, n_train, x, targets.expand(count, -1, -1))
