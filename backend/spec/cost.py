"""What a run costs: its number of parameters and an estimate of its training time."""

from collections.abc import Callable, Iterable, Mapping
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
DECOMPOSITION = 25  # flops of a symmetric eigendecomposition and its products, per n^2 N


def inputs(params: Mapping[str, Any]) -> int:
    """Return the number of inputs of each sample."""
    source = SOURCES[params["dataset.source"]]
    return int(params.get("dataset.n_features") or source.features)


def outputs(source: str) -> int:
    """Return the number of model outputs: classes, or regressed values."""
    return SOURCES[source].outputs


def layer_sizes(params: Mapping[str, Any]) -> list[int]:
    """Return the units of each layer of an mlp, inputs and outputs included."""
    hidden = [params["model.width"]] * params["model.depth"] if params["model.depth"] else []
    return [inputs(params), *hidden, outputs(params["dataset.source"])]


def parameters(params: Mapping[str, Any]) -> int:
    """Return the number of trainable parameters of a run, given its flat params."""
    return _PARAMETERS[params["model.family"]](params)


def fixed_weights(params: Mapping[str, Any]) -> int:
    """Return the number of weights that are drawn and never trained: those of random features."""
    if params["model.family"] != "random_features":
        return 0
    return int((inputs(params) + 1) * params["model.width"])


def polynomial_terms(params: Mapping[str, Any]) -> int:
    """Return the number of products of inputs up to a polynomial's degree."""
    return comb(inputs(params) + params["model.degree"], params["model.degree"])


def _polynomial(params: Mapping[str, Any]) -> int:
    return polynomial_terms(params) * outputs(params["dataset.source"])


def _mlp(params: Mapping[str, Any]) -> int:
    sizes = layer_sizes(params)
    # a norm has a scale and a shift for each hidden neuron
    norms = 2 * sum(sizes[1:-1]) if params.get("model.normalisation", "none") != "none" else 0
    return norms + sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))


def _cnn(params: Mapping[str, Any]) -> int:
    """Count 3 by 3 kernels and biases, and a linear layer on what the halvings leave."""
    source, channels, depth = (
        SOURCES[params["dataset.source"]], params["model.channels"], params["model.depth"],
    )  # fmt: skip
    left = ((source.side or 0) >> depth) ** 2
    blocks = (9 + 1) * channels + (depth - 1) * (9 * channels + 1) * channels
    return int(blocks + (channels * left + 1) * source.outputs)


def _random_features(params: Mapping[str, Any]) -> int:
    return int(params["model.width"] * outputs(params["dataset.source"]))


_PARAMETERS: dict[str, Callable[[Mapping[str, Any]], int]] = {
    "polynomial": _polynomial,
    "mlp": _mlp,
    "cnn": _cnn,
    "random_features": _random_features,
}


def estimated_seconds(runs: Iterable[Mapping[str, Any]], *, workers: int = 1) -> float:
    """Estimate the time to train runs, given as flat params, on `workers` processes."""
    each = [seconds(params) for params in runs]
    return sum(each) / max(1, min(workers, len(each)))


def seconds(params: Mapping[str, Any]) -> float:
    """Estimate the seconds that a run, given as flat params, adds to a group's training."""
    evaluated = sum(params[f"dataset.{part}"] for part in ("n_train", "n_validation", "n_test"))
    if params["training.optimizer"] == "closed_form":
        return SECONDS_PER_RUN + _solving_flops(params, evaluated) / FLOPS_PER_SECOND
    n_train, batch = params["dataset.n_train"], params["training.batch_size"]
    steps = ceil(n_train / batch)
    # forward 2 flops per parameter and sample, backward twice that (Kaplan et al. 2020, eq. 2.2)
    flops = parameters(params) * (6 * n_train + 2 * evaluated)
    layers = params.get("model.depth", 0) + 1
    step = SECONDS_PER_STEP + layers * SECONDS_PER_STEP_AND_LAYER
    epoch = SECONDS_PER_EPOCH + steps * step + flops / FLOPS_PER_SECOND
    return float(SECONDS_PER_RUN + params["training.epochs"] * epoch)


def _solving_flops(params: Mapping[str, Any], evaluated: int) -> float:
    """Flops of making all features, and of one decomposition over the smaller side."""
    n, features = params["dataset.n_train"], parameters(params) / outputs(params["dataset.source"])
    smaller, larger = min(n, features), max(n, features)
    making = 2 * evaluated * (fixed_weights(params) + parameters(params))
    return float(making + DECOMPOSITION * smaller**2 * larger)
