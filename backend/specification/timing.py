"""How long training takes: an estimate, from the shapes alone.

Runs of the same program are trained as one: they share what each step costs whatever its size, and
each adds its arithmetic. Constants are seconds on one core of a small cloud machine, fitted to
bench/training.py; a factor of two is good enough.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any

from backend.specification.cost import features, fixed_weights, outputs, parameters
from backend.specification.layers import hidden
from backend.specification.sources import SOURCES

Params = Mapping[str, Any]

SHARED_PER_EPOCH = 300e-6
SHARED_PER_STEP, SHARED_PER_STEP_AND_LAYER = 90e-6, 25e-6
OWN_PER_RUN = 5e-3  # to begin, record and end it
OWN_PER_EPOCH = 20e-6
OWN_PER_ROW = 50e-9
OWN_PER_NUMBER = 1e-9  # of those that a model holds for a row
FLOPS_PER_SECOND = 35e9
DECOMPOSITION = 25  # flops of a symmetric eigendecomposition and its products, per n^2 N

EVALUATED_ROWS = 320  # at once, of wide models; of others more, which take less
TOGETHER_BYTES = 6 << 20  # of weights and optimiser state that are trained as one, and
BYTES_PER_PARAMETER = 24  # what each parameter takes of them
_PROGRAM = ("model.family", "training.optimizer", "model.depth", "model.layers", "model.features",
             "model.activation",
            "model.normalisation", "training.loss", "dataset.source", "dataset.n_features",
            "dataset.n_validation", "dataset.n_test", "training.batch_size")  # fmt: skip


def estimated_seconds(runs: Iterable[Params], *, workers: int = 1) -> float:
    """Estimate the time to train runs, given as flat params, on `workers` processes."""
    each = seconds(list(runs))
    return sum(each) / max(1, min(workers, len(each)))


def seconds(runs: Sequence[Params]) -> list[float]:
    """Estimate each run's share of the seconds that training all of them takes on one worker."""
    programs = [program(params) for params in runs]
    counts = Counter(programs)
    return [
        _seconds(params, together=min(counts[each], _most_together(params)))
        for params, each in zip(runs, programs, strict=True)
    ]


def program(params: Params) -> tuple[str, ...]:
    """Return what runs have in common that can be trained as one; the size of the model is last."""
    size = params.get("model.width") or params.get("model.channels") or 0
    padded = ceil(size / 8) * 8
    return (*(str(params.get(path)) for path in _PROGRAM), f"{padded:06d}")


def held_numbers(params: Params) -> int:
    """Return how many numbers a model holds for one row, from inputs to outputs."""
    source = SOURCES[params["dataset.source"]]
    ends = features(params) + source.outputs
    if params["model.family"] == "cnn":
        # of every block patches, the convolution's output and what is left of it
        side, channels, blocks = source.side or 0, params["model.channels"], params["model.depth"]
        return int(ends + sum(5 * (side >> block) ** 2 * channels for block in range(blocks)))
    return int(ends + sum(hidden(params)))


def _most_together(params: Params) -> int:
    return max(1, TOGETHER_BYTES // (BYTES_PER_PARAMETER * parameters(params)))


def _seconds(params: Params, *, together: int) -> float:
    evaluated = sum(params[f"dataset.{part}"] for part in ("n_train", "n_validation", "n_test"))
    if params["training.optimizer"] == "closed_form":
        return OWN_PER_RUN + _solving_flops(params, evaluated) / FLOPS_PER_SECOND
    n_train, layers = params["dataset.n_train"], _depth(params) + 1
    steps = ceil(n_train / params["training.batch_size"]) + ceil(evaluated / EVALUATED_ROWS)
    shared = SHARED_PER_EPOCH + steps * (SHARED_PER_STEP + layers * SHARED_PER_STEP_AND_LAYER)
    # a step passes forward and backward, and backward takes twice as long
    rows = 3 * n_train + evaluated
    own = OWN_PER_EPOCH + rows * (OWN_PER_ROW + OWN_PER_NUMBER * held_numbers(params))
    arithmetic = rows * _flops_per_row(params) / FLOPS_PER_SECOND
    return float(OWN_PER_RUN + params["training.epochs"] * (shared / together + own + arithmetic))


def _depth(params: Params) -> int:
    return len(hidden(params)) or params.get("model.depth") or 0


def _flops_per_row(params: Params) -> float:
    """Flops of a forward pass: 2 per weight (Kaplan et al. 2020, eq. 2.2) and place it is used."""
    if params["model.family"] != "cnn":
        return 2.0 * parameters(params)
    side, channels = SOURCES[params["dataset.source"]].side or 0, params["model.channels"]
    blocks = range(params["model.depth"])
    kernels = ((side >> block) ** 2 * 9 * channels * (channels if block else 1) for block in blocks)
    return float(2 * (sum(kernels) + parameters(params)))


def _solving_flops(params: Mapping[str, Any], evaluated: int) -> float:
    """Flops of making all features, and of one decomposition over the smaller side."""
    n, features = params["dataset.n_train"], parameters(params) / outputs(params["dataset.source"])
    smaller, larger = min(n, features), max(n, features)
    making = 2 * evaluated * (fixed_weights(params) + parameters(params))
    return float(making + DECOMPOSITION * smaller**2 * larger)
