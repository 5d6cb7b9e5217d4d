"""What training takes of memory: an estimate, and cutting runs so that they fit.

Estimates are on the high side: what is too much kills a process without a word.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from backend.specification.cost import features, fixed_weights, inputs, outputs, parameters
from backend.specification.timing import EVALUATED_ROWS, held_numbers

NOT_ENOUGH = "Not enough memory"  # begins the sentence of a run that does not fit
NUMBER = 4  # bytes of a float32
COPIES = 5  # of the weights: themselves, gradients, two slots of the optimiser, the best epoch's
PADDING = 1.3  # models of similar sizes are padded to the same
PER_RUN = 200_000  # bytes of what is kept beside arrays
DECOMPOSED = 4  # float64 matrices as large as the features that solving in closed form makes

Params = Mapping[str, Any]


def estimated_bytes(params: Params) -> int:
    """Estimate the memory that training a run takes, given as flat params."""
    weights = NUMBER * (COPIES * PADDING * parameters(params) + fixed_weights(params))
    return int(PER_RUN + weights + _data(params) + _work(params))


def _data(params: Params) -> float:
    """Bytes of the samples: as they were drawn, as the model takes them, and the targets."""
    rows = sum(int(params[f"dataset.{part}"]) for part in ("n_train", "n_validation", "n_test"))
    taken = features(params)
    if params["model.family"] == "polynomial":
        taken = parameters(params) // outputs(params["dataset.source"])  # the basis terms
    return rows * (8.0 * inputs(params) + NUMBER * (taken + outputs(params["dataset.source"])))


def _work(params: Params) -> float:
    """Bytes of what a step and an evaluation make of the samples."""
    if params["training.optimizer"] == "closed_form":
        return solving_bytes(params)
    batch = min(params["dataset.n_train"], params["training.batch_size"])
    return float(NUMBER * held_numbers(params) * (4 * batch + 2 * EVALUATED_ROWS))


def solving_bytes(params: Params) -> float:
    """Estimate the memory that solving a run in closed form takes beside its data."""
    n, features = params["dataset.n_train"], parameters(params) / outputs(params["dataset.source"])
    return float(8 * (DECOMPOSED * n * features + 2 * min(n, features) ** 2))


def stretches(sizes: Sequence[int], available: int) -> Iterator[tuple[int, int]]:
    """Cut a row of sizes into stretches (start, stop), each within what is available.

    What is larger than that is a stretch of its own.
    """
    start = total = 0
    for place, size in enumerate(sizes):
        if place > start and total + size > available:
            yield start, place
            start, total = place, 0
        total += size
    if sizes:
        yield start, len(sizes)


def sentence(params: Params) -> str:
    """Say that a run does not fit, how much it is estimated to take, and what would take less."""
    reduce = {
        "mlp": "model.width, model.depth",
        "cnn": "model.channels, training.batch_size",
        "polynomial": "model.degree",
        "random_features": "model.width",
    }[params["model.family"]]
    return (
        f"{NOT_ENOUGH}: this run is estimated to take {_size(estimated_bytes(params))} "
        f"({parameters(params):,} parameters); a smaller {reduce}, dataset.n_train or "
        "dataset.n_test takes less."
    )


def _size(count: int) -> str:
    return f"{ceil(count / 2**20):,} MiB" if count < 2**30 else f"{count / 2**30:,.1f} GiB"
