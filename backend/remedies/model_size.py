"""The knob that sets the size of a model: which it is, changed, and the best of those measured."""

from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from typing import Any

from backend.analysis.cells import SEED, params_key
from backend.specification.hyperparameters import HYPERPARAMETERS

CAPACITY_STEP = 4  # times the width or the channels

Params = Mapping[str, Any]


def size_knob(params: Params) -> str | None:
    """Return the knob that sets the size of a run's model, None for a single-layer network."""
    family = params["model.family"]
    if "model.layers" in params:
        return "model.layers"
    path = {"polynomial": "model.degree", "cnn": "model.channels"}.get(family, "model.width")
    return path if params.get(path) is not None else None


def reduced(path: str, given: Any) -> Any:
    """Return a smaller size, the same where there is none; of layers, that of each."""
    return _resized(path, given, _smaller)


def enlarged(path: str, given: Any) -> Any:
    """Return a larger size, the same where there is none; of layers, that of each."""
    return _resized(path, given, _larger)


def _resized(path: str, given: Any, to: Callable[[str, int], int]) -> Any:
    """Return a size, or the size of each layer, changed by `to`."""
    if path != "model.layers":
        return to(path, given)
    return "-".join(str(to("model.width", int(width))) for width in given.split("-"))


def _smaller(path: str, given: int) -> int:
    least, step = (1, 2) if path == "model.degree" else (2, CAPACITY_STEP)
    return min(given, max(least, given // step))


def _larger(path: str, given: int) -> int:
    larger = max(given + 1, 2 * given) if path == "model.degree" else CAPACITY_STEP * given
    return min(HYPERPARAMETERS[path].maximum, larger)


def better_capacities(
    measured: Iterable[tuple[Params, float | None]],
) -> Callable[[Params], int | None]:
    """Return what says, for the params of a cell, which capacity measured beside it is better.

    `measured` are the params of runs with their lowest validation losses. Beside a cell are those
    that differ from it in their capacity and seed only; the best has the lowest mean loss.
    """
    losses: dict[Any, dict[int, list[float]]] = {}
    for params, loss in measured:
        path = size_knob(params)
        if path is not None and path != "model.layers" and loss is not None:
            line = losses.setdefault(params_key(params, without=(SEED, path)), {})
            line.setdefault(params[path], []).append(loss)

    def better(params: Params) -> int | None:
        path = size_knob(params)
        line = losses.get(params_key(params, without=(SEED, path or "")), {})
        best = min(line, key=lambda size: fmean(line[size]), default=None)
        return None if path is None or best == params[path] else best

    return better


_NAMES = {
    "model.width": "Width",
    "model.layers": "Layers",
    "model.degree": "Degree",
    "model.channels": "Channels",
}


def named(path: str) -> str:
    """Write the knob as a sentence begins with it."""
    return _NAMES[path]


def shown(size: int | str) -> str:
    """Write a size."""
    return f"{size:,}" if isinstance(size, int) else size
