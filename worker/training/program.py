"""Which runs share a program: those whose padded sizes and operations are the same.

All sizes are a function of the run's own specification. What a neighbour is like can therefore
change nothing in a run's arithmetic, to the last bit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from backend.specification.run_spec import Activation, Normalisation, Optimizer
from backend.specification.sources import SOURCES
from worker.training.member import Member

ROWS = 32  # rows are padded to a multiple of this: two vectors of any processor, at least
# Evaluated at once, so that what is between the layers stays in the cache:
BLOCK_NUMBERS, LEAST_BLOCK, IMAGE_BLOCK = 20 << 10, 320, 64  # of a model: units times rows, rows
COHORT_BYTES = 640 << 10  # of all models
CACHE_BYTES = 6 << 20  # of weights, optimiser state and activations: what one ensemble may take


@dataclass(frozen=True, slots=True)
class Blocks:
    """Rows that are evaluated `size` at once; `rows` counts them, padded to whole blocks."""

    size: int
    rows: int


@dataclass(frozen=True)
class Program:
    """What a stack of networks computes in a step. Sizes are padded, but `outputs` and the parts.

    `inputs` counts the column of ones that stands for the first layer's bias; `widths` are the
    neurons of each hidden layer, or the channels of networks for images, which have a `side`.
    `whole` says that a batch is the whole training set, in its own order; else `batch` is its
    number of rows.
    """

    side: int
    inputs: int
    widths: tuple[int, ...]
    outputs: int
    biased: bool
    activation: Activation
    normalisation: Normalisation
    drops: bool
    optimizer: Optimizer
    classifies: bool
    cross_entropy: bool
    smooths: bool
    whole: bool
    batch: int
    rows: int
    n_validation: int
    n_test: int

    @classmethod
    def of(cls, member: Member) -> "Program":
        """Return the program that trains a member."""
        model, training, dataset = member.spec.model, member.spec.training, member.spec.dataset
        biased = model.family == "mlp"
        side = SOURCES[dataset.source].side if model.family == "cnn" else None
        hidden = model.hidden
        # no matrix of a model may end within 64 bytes: kernels round otherwise by where it lies
        step = 8 if member.outputs % 2 == 0 else 16
        size = training.batch_size or dataset.n_train
        whole = dataset.n_train <= size
        batch = min(dataset.n_train, size)
        return cls(
            side=side or 0,
            inputs=side**2 if side else _padded(member.n_features + biased, step),
            widths=tuple(_padded(width, step) for width in hidden),
            outputs=member.outputs,
            biased=biased,
            activation=model.activation or "relu",
            normalisation=model.normalisation if hidden and model.normalisation else "none",
            drops=bool(model.dropout and hidden),
            optimizer=training.optimizer,
            classifies=member.classifies,
            cross_entropy=member.cross_entropy,
            smooths=bool(training.label_smoothing),
            whole=whole,
            batch=0 if whole else batch,
            rows=_padded(batch, ROWS),
            n_validation=dataset.n_validation,
            n_test=dataset.n_test,
        )

    @property
    def depth(self) -> int:
        """Hidden layers, or convolutions."""
        return len(self.widths)

    @property
    def width(self) -> int:
        """Neurons of the widest hidden layer, or channels; without hidden layers 0."""
        return max(self.widths, default=0)

    def evaluated(self, n_train: int) -> Blocks:
        """Return the blocks of all of a member's samples."""
        return self.blocks(self.n_validation + self.n_test + n_train)

    def blocks(self, rows: int) -> Blocks:
        """Cut rows into blocks: as few as may be, of as equal size as may be."""
        if self.side:
            return Blocks(IMAGE_BLOCK, ceil(rows / IMAGE_BLOCK) * IMAGE_BLOCK)
        count = ceil(rows / self.block)
        size = ceil(rows / count / ROWS) * ROWS
        return Blocks(size, count * size)

    @property
    def block(self) -> int:
        """Rows evaluated at once, at most."""
        if self.side:
            return IMAGE_BLOCK
        return max(LEAST_BLOCK, BLOCK_NUMBERS // max(8, self.width) // ROWS * ROWS)

    @property
    def cohort(self) -> int:
        """Models evaluated at once, at most."""
        units = self._patches if self.side else max(8, self.width)
        return max(1, COHORT_BYTES // (4 * units * self.block))

    @property
    def bytes(self) -> int:
        """Return about how much memory a model moves in a step."""
        if self.side:
            return 4 * self.rows * self._patches  # which all else is small beside
        widths = [self.inputs, *self.widths, self.outputs]
        weights = sum(a * b for a, b in pairwise(widths))
        return 4 * (4 * weights + 2 * self.rows * sum(widths))

    @property
    def _patches(self) -> int:
        """Numbers that convolutions multiply for a row: of each pixel its patch."""
        return sum(9 * self.width * (self.side >> i) ** 2 for i in range(self.depth))


def ensembles(members: Iterable[Member]) -> list[tuple[Program, list[Member]]]:
    """Cut members into those that are trained as one: small enough for the cache, longest first.

    Within one, members with more training samples come first: those that still have batches left
    are always a beginning.
    """
    alike: dict[Program, list[Member]] = {}
    for member in members:
        alike.setdefault(Program.of(member), []).append(member)
    return [
        (program, chunk)
        for program, found in alike.items()
        for chunk in _chunks(sorted(found, key=_order), max(1, CACHE_BYTES // program.bytes))
    ]


def _order(member: Member) -> tuple[float | str, ...]:
    """Sort updates that are alike to neighbours, and last by seed: see `evaluation`."""
    spec, training = member.spec, member.spec.training
    return (
        -spec.dataset.n_train,
        training.learning_rate or 0.0,
        training.weight_decay,
        training.l1_penalty,
        repr((spec.model, spec.dataset)),
        training.seed,
    )


def _chunks(members: Sequence[Member], most: int) -> Iterable[list[Member]]:
    """Cut into as few parts as may be, of as equal size as may be."""
    parts = ceil(len(members) / most)
    for part in range(parts):
        yield list(members[part * len(members) // parts : (part + 1) * len(members) // parts])


def _padded(size: int, step: int) -> int:
    """Round up to a multiple of `step`, and beyond 64 of an eighth of the size or so."""
    while size > 8 * step:
        step *= 2
    return max(1, ceil(size / step)) * step
