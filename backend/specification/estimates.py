"""Estimates from specifications alone: parameters, training time and memory.

Training time: runs of the same program are trained together. They share the cost of each step that
does not depend on its size, and each adds its own arithmetic. The constants are seconds on one core
of a small cloud machine, fitted to bench/training.py; an error by a factor of two does no harm.

Memory is estimated on the high side, as a process that needs too much is killed without an error.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil

from backend.specification.run_spec import RunSpec

SHARED_SECONDS_PER_EPOCH = 300e-6
SHARED_SECONDS_PER_STEP = 90e-6
SHARED_SECONDS_PER_STEP_AND_LAYER = 25e-6
SECONDS_PER_RUN = 5e-3  # to start, record and end it
SECONDS_PER_EPOCH = 20e-6
SECONDS_PER_ROW = 50e-9
SECONDS_PER_NUMBER = 1e-9  # that a model holds for a row
FLOPS_PER_SECOND = 35e9
DECOMPOSITION_FLOPS = 25  # of a symmetric eigendecomposition and its products, per n^2 N
EVALUATED_ROWS = 320  # at once, of wide models; narrow ones evaluate more rows, which cost less
TOGETHER_BYTES = 6 << 20  # of weights and optimiser state that one program trains together
TOGETHER_BYTES_PER_PARAMETER = 24
WIDTH_STEP = 8  # widths are padded to a multiple of this

NOT_ENOUGH_MEMORY = "Not enough memory"
"""The beginning of the error of a run that does not fit."""
NUMBER_BYTES = 4  # of a float32
WEIGHT_COPIES = 3  # the weights, their gradients, and the weights of the best epoch
PADDING = 1.3  # models of similar sizes are padded to the same size
RUN_BYTES = 200_000  # of a run's objects besides arrays
SOLVING_COPIES = 4  # float64 matrices of the size of the features in closed form


def parameters(spec: RunSpec) -> int:
    """Return the number of trainable parameters of a run."""
    return spec.family.parameters(spec)


def estimated_seconds(runs: Sequence[RunSpec], *, workers: int = 1) -> float:
    """Estimate the time to train runs on a number of worker processes."""
    return sum(seconds(runs)) / max(1, min(workers, len(runs)))


def seconds(runs: Sequence[RunSpec]) -> list[float]:
    """Estimate each run's part of the seconds that training all of them takes on one worker."""
    programs = [program(spec) for spec in runs]
    counts = Counter(programs)
    return [
        _seconds(spec, together=min(counts[key], _max_together(spec)))
        for spec, key in zip(runs, programs, strict=True)
    ]


def program(spec: RunSpec) -> tuple[str, ...]:
    """Return a key that runs have in common if they can be trained together, the size last."""
    model, training, dataset = spec.model, spec.training, spec.dataset
    size = model.width or model.channels or 0
    return (
        model.family, training.optimizer, str(model.depth), str(model.layers), model.features,
        str(model.activation), str(model.normalisation), training.loss, dataset.source,
        str(dataset.input_count if spec.source.table else dataset.n_features),
        str(dataset.n_validation), str(dataset.n_test),
        str(training.batch_size), f"{ceil(size / WIDTH_STEP) * WIDTH_STEP:06d}",
    )  # fmt: skip


def estimated_bytes(spec: RunSpec) -> int:
    """Estimate the memory that training a run takes."""
    copies = WEIGHT_COPIES + spec.optimizer.slots
    weights = copies * PADDING * parameters(spec) + spec.family.fixed_weights(spec)
    return int(RUN_BYTES + NUMBER_BYTES * weights + _data_bytes(spec) + _working_bytes(spec))


def solving_bytes(spec: RunSpec) -> float:
    """Estimate the memory that solving a run in closed form takes in addition to its data."""
    n, features = spec.dataset.n_train, _solved_features(spec)
    return 8 * (SOLVING_COPIES * n * features + 2 * min(n, features) ** 2)


def chunks_within(sizes: Sequence[int], available: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of consecutive chunks of sizes, each with a sum within `available`.

    A size that is larger than that is a chunk of its own.
    """
    start = total = 0
    for index, size in enumerate(sizes):
        if index > start and total + size > available:
            yield start, index
            start, total = index, 0
        total += size
    if sizes:
        yield start, len(sizes)


def not_enough_memory(spec: RunSpec) -> str:
    """Return the error of a run that does not fit: how much it takes, and what takes less."""
    size = _written_bytes(estimated_bytes(spec))
    return (
        f"{NOT_ENOUGH_MEMORY}: this run is estimated to take {size} ({parameters(spec):,} "
        f"parameters); a smaller {', '.join(spec.family.saving)}, dataset.n_train or "
        "dataset.n_test takes less."
    )


def _max_together(spec: RunSpec) -> int:
    return max(1, TOGETHER_BYTES // (TOGETHER_BYTES_PER_PARAMETER * parameters(spec)))


def _seconds(spec: RunSpec, *, together: int) -> float:
    dataset, training = spec.dataset, spec.training
    n_train, evaluated = dataset.n_train, _rows(spec)
    if not spec.optimizer.by_gradients:
        return SECONDS_PER_RUN + _solving_flops(spec, evaluated) / FLOPS_PER_SECOND
    layers = len(spec.model.hidden) + 1
    steps = ceil(n_train / (training.batch_size or n_train)) + ceil(evaluated / EVALUATED_ROWS)
    per_step = SHARED_SECONDS_PER_STEP + layers * SHARED_SECONDS_PER_STEP_AND_LAYER
    shared = SHARED_SECONDS_PER_EPOCH + steps * per_step
    # a step passes forward and backward, and backward takes twice as long
    rows = 3 * n_train + evaluated
    own = SECONDS_PER_EPOCH + rows * (SECONDS_PER_ROW + SECONDS_PER_NUMBER * _held_numbers(spec))
    arithmetic = rows * _flops_per_row(spec) / FLOPS_PER_SECOND
    return SECONDS_PER_RUN + training.epochs * (shared / together + own + arithmetic)


def _rows(spec: RunSpec) -> int:
    return spec.dataset.n_train + spec.dataset.n_validation + spec.dataset.n_test


def _flops_per_row(spec: RunSpec) -> float:
    """Return the flops of a forward pass: 2 per weight (Kaplan et al. 2020, eq. 2.2) and use."""
    return 2.0 * parameters(spec) + spec.family.reused_flops(spec)


def _held_numbers(spec: RunSpec) -> int:
    """Return how many numbers a model holds for one row, from inputs to outputs."""
    ends = spec.feature_count + spec.dataset.output_count
    return ends + spec.family.hidden_numbers(spec)


def _solved_features(spec: RunSpec) -> float:
    return parameters(spec) / spec.dataset.output_count


def _solving_flops(spec: RunSpec, evaluated: int) -> float:
    """Return the flops of making all features, and of a decomposition over the smaller side."""
    n, features = spec.dataset.n_train, _solved_features(spec)
    smaller, larger = min(n, features), max(n, features)
    making = 2 * evaluated * (spec.family.fixed_weights(spec) + parameters(spec))
    return float(making + DECOMPOSITION_FLOPS * smaller**2 * larger)


def _data_bytes(spec: RunSpec) -> float:
    """Return the bytes of the samples as drawn, of what the model receives, and of the targets."""
    received = spec.family.model_inputs(spec) + spec.dataset.output_count
    return _rows(spec) * (8.0 * spec.dataset.input_count + NUMBER_BYTES * received)


def _working_bytes(spec: RunSpec) -> float:
    """Return the bytes that a step and an evaluation allocate for their rows."""
    if not spec.optimizer.by_gradients:
        return solving_bytes(spec)
    batch = min(spec.dataset.n_train, spec.training.batch_size or spec.dataset.n_train)
    return NUMBER_BYTES * _held_numbers(spec) * (4 * batch + 2 * EVALUATED_ROWS)


def _written_bytes(size: int) -> str:
    return f"{ceil(size / 2**20):,} MiB" if size < 2**30 else f"{size / 2**30:,.1f} GiB"
