"""What a run costs: its number of parameters and an estimate of its training time."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from math import ceil, comb
from typing import Any

from backend.spec.catalogue import SOURCES

# Seconds on one core of a small cloud machine, fitted to bench/training.py. A step costs a fixed
# time and more for each layer; arithmetic counts only beyond some 100,000 parameters.
SECONDS_PER_STEP = 200e-6
SECONDS_PER_STEP_AND_LAYER = 170e-6
SECONDS_PER_EPOCH = 350e-6
SECONDS_PER_RUN = 0.02
FLOPS_PER_SECOND = 35e9


def outputs(source: str) -> int:
    """Return the number of model outputs: classes, or regressed values."""
    return SOURCES[source].outputs


def layer_sizes(params: Mapping[str, Any]) -> list[int]:
    """Return the units of each layer of an mlp, inputs and outputs included."""
    source = SOURCES[params["dataset.source"]]
    hidden = [params["model.width"]] * params["model.depth"] if params["model.depth"] else []
    return [source.features, *hidden, source.outputs]


def parameters(params: Mapping[str, Any]) -> int:
    """Return the number of trainable parameters of a run, given its flat params."""
    source = SOURCES[params["dataset.source"]]
    if params["model.family"] == "polynomial":
        return comb(source.features + params["model.degree"], source.features) * source.outputs
    sizes = layer_sizes(params)
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))


def estimated_seconds(runs: Iterable[Mapping[str, Any]], *, workers: int = 1) -> float:
    """Estimate the time to train runs, given as flat params, on `workers` processes."""
    seconds = [_seconds(params) for params in runs]
    return sum(seconds) / max(1, min(workers, len(seconds)))


def _seconds(params: Mapping[str, Any]) -> float:
    n_train, batch = params["dataset.n_train"], params["training.batch_size"]
    evaluated = n_train + params["dataset.n_validation"] + params["dataset.n_test"]
    steps = ceil(n_train / batch)
    # forward 2 flops per parameter and sample, backward twice that (Kaplan et al. 2020, eq. 2.2)
    flops = parameters(params) * (6 * n_train + 2 * evaluated)
    layers = params.get("model.depth", 0) + 1
    step = SECONDS_PER_STEP + layers * SECONDS_PER_STEP_AND_LAYER
    epoch = SECONDS_PER_EPOCH + steps * step + flops / FLOPS_PER_SECOND
    return float(SECONDS_PER_RUN + params["training.epochs"] * epoch)
