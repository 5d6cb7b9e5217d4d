"""Programs: the padded sizes and operations that runs trained as one ensemble share.

All sizes depend on the run's own specification alone. Neighbours in an ensemble can therefore not
change the arithmetic of a run, to the last bit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.training.member import GroupMember

ROW_MULTIPLE = 32  # rows are padded to a multiple: at least two vector registers of any processor
# Limits of evaluation, so that activations stay in the processor's cache:
BLOCK_NUMBERS = 20 << 10  # units times rows of one model
SMALLEST_BLOCK, IMAGE_BLOCK = 320, 64  # rows of one model
COHORT_BYTES = 640 << 10  # activations of all models
CACHE_BYTES = 6 << 20  # weights, optimiser state and activations of one ensemble


@dataclass(frozen=True, slots=True)
class Blocks:
    """Rows that are evaluated `size` at a time; `rows` is their number, padded to whole blocks."""

    size: int
    rows: int


@dataclass(frozen=True)
class TrainingProgram:
    """The computation of a stack of networks in a step.

    All sizes are padded, except `outputs` and the sizes of the parts. `inputs` includes a constant
    input of 1, whose weights are the bias of the first layer. `widths` are the units of each hidden
    layer or, for networks on images, which have a `side`, the channels. If `whole` is true, a batch
    is the whole training set in its original order; else `batch` is its number of rows.
    """

    family: str
    side: int
    inputs: int
    widths: tuple[int, ...]
    outputs: int
    biased: bool
    activation: str
    normalisation: str
    drops: bool
    optimizer: str
    classifies: bool
    loss: str
    smooths: bool
    whole: bool
    batch: int
    rows: int
    n_validation: int
    n_test: int

    @classmethod
    def of(cls, member: "GroupMember") -> "TrainingProgram":
        """Return the program that trains a member."""
        spec = member.spec
        model, training, dataset = spec.model, spec.training, spec.dataset
        biased = member.biased
        side = spec.source.side if spec.family.for_images else None
        # matrices fill whole 64 bytes: the rounding of kernels depends on their alignment
        step = 8 if member.outputs % 2 == 0 else 16
        batch = min(dataset.n_train, training.batch_size or dataset.n_train)
        whole = batch == dataset.n_train
        return cls(
            family=model.family,
            side=side or 0,
            inputs=side**2 if side else _padded(member.n_features + biased, step),
            widths=tuple(_padded(width, step) for width in model.hidden),
            outputs=member.outputs,
            biased=biased,
            activation=model.activation or "relu",
            normalisation=model.normalisation if model.hidden and model.normalisation else "none",
            drops=bool(model.dropout and model.hidden),
            optimizer=training.optimizer,
            classifies=member.classifies,
            loss=training.loss,
            smooths=bool(training.label_smoothing),
            whole=whole,
            batch=0 if whole else batch,
            rows=_padded(batch, ROW_MULTIPLE),
            n_validation=dataset.n_validation,
            n_test=dataset.n_test,
        )

    @property
    def depth(self) -> int:
        """Number of hidden layers or convolutions."""
        return len(self.widths)

    @property
    def width(self) -> int:
        """Units of the widest hidden layer, or channels; 0 without hidden layers."""
        return max(self.widths, default=0)

    def evaluated(self, n_train: int) -> Blocks:
        """Return the blocks for all samples of a member."""
        return self.blocks(self.n_validation + self.n_test + n_train)

    def blocks(self, rows: int) -> Blocks:
        """Divide rows into as few blocks as possible, of sizes as equal as possible."""
        if self.side:
            return Blocks(IMAGE_BLOCK, ceil(rows / IMAGE_BLOCK) * IMAGE_BLOCK)
        count = ceil(rows / self.block)
        size = ceil(rows / count / ROW_MULTIPLE) * ROW_MULTIPLE
        return Blocks(size, count * size)

    @property
    def block(self) -> int:
        """Largest number of rows evaluated at once."""
        if self.side:
            return IMAGE_BLOCK
        return max(
            SMALLEST_BLOCK, BLOCK_NUMBERS // max(8, self.width) // ROW_MULTIPLE * ROW_MULTIPLE
        )

    @property
    def cohort(self) -> int:
        """Largest number of models evaluated at once."""
        units = self._patches if self.side else max(8, self.width)
        return max(1, COHORT_BYTES // (4 * units * self.block))

    @property
    def bytes(self) -> int:
        """Approximate bytes that one model moves in a step."""
        if self.side:
            return 4 * self.rows * self._patches  # everything else is small in comparison
        widths = [self.inputs, *self.widths, self.outputs]
        weights = sum(a * b for a, b in pairwise(widths))
        return 4 * (4 * weights + 2 * self.rows * sum(widths))

    @property
    def _patches(self) -> int:
        """Number of values in the patches of one row, over all convolutions."""
        return sum(9 * self.width * (self.side >> i) ** 2 for i in range(self.depth))


def ensembles(
    members: "Iterable[GroupMember]",
) -> "list[tuple[TrainingProgram, list[GroupMember]]]":
    """Partition members into ensembles, each small enough for the cache.

    Within an ensemble, members with more training samples come first. The members that still have
    batches left in an epoch are therefore always a prefix.
    """
    groups: dict[TrainingProgram, list[GroupMember]] = {}
    for member in members:
        groups.setdefault(TrainingProgram.of(member), []).append(member)
    return [
        (program, chunk)
        for program, group in groups.items()
        for chunk in _chunks(sorted(group, key=_order), max(1, CACHE_BYTES // program.bytes))
    ]


def _order(member: "GroupMember") -> tuple[float | str, ...]:
    """Return the sort key of a member: equal updates become neighbours, and seeds come last."""
    spec, training = member.spec, member.spec.training
    return (
        -spec.dataset.n_train,
        training.learning_rate or 0.0,
        training.weight_decay,
        training.l1_penalty,
        repr((spec.model, spec.dataset)),
        training.seed,
    )


def _chunks(members: "Sequence[GroupMember]", most: int) -> "Iterable[list[GroupMember]]":
    """Split into as few chunks as possible, of sizes as equal as possible."""
    count = ceil(len(members) / most)
    for position in range(count):
        yield list(
            members[position * len(members) // count : (position + 1) * len(members) // count]
        )


def _padded(size: int, step: int) -> int:
    """Round up to a multiple of `step`; above 8 steps, of at most a quarter of the size."""
    while size > 8 * step:
        step *= 2
    return max(1, ceil(size / step)) * step
