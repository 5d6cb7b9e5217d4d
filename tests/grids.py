"""Made-up results of grids, for tests of the analysis over a grid.

`results` returns the runs of a grid, `result` a single run, `jitter` a small factor for each seed.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

from backend.analysis.measured_cells import PartLosses, RunResult

Loss = Callable[[Mapping[str, Any], int], float]


def results(loss: Loss, *, seeds: int = 3, **axes: Sequence[Any]) -> list[RunResult]:
    """Return one run per combination and seed; `loss` maps params and seed to the best loss.

    Pass axes as `dataset__n_train=[10, 20]`. A run has 10 parameters per unit of `model.width`.
    """
    paths = [path.replace("__", ".") for path in axes]
    runs = []
    for values in product(*axes.values()):
        params = dict(zip(paths, values, strict=True))
        for seed in range(seeds):
            best = loss(params, seed)
            runs.append(
                result({"dataset.n_train": 100, **params, "training.seed": seed}, validation=best)
            )
    return runs


def result(
    params: Mapping[str, Any],
    *,
    validation: float,
    final: float | None = None,
    train: float = 0.1,
    train_error: float | None = None,
    reached: Mapping[int, float] | None = None,
) -> RunResult:
    """Return one run of 100 epochs whose lowest validation loss is `validation`, at epoch 50."""
    errors = None if train_error is None else PartLosses(train_error, 0.3, 0.3)
    return RunResult(
        params=params,
        parameters=10 * params.get("model.width", 1),
        epochs=100,
        best_epoch=50,
        best=PartLosses(train, validation, validation * 1.05),
        final=PartLosses(train, final if final is not None else validation, validation * 1.1),
        reference_loss=1.0,
        errors=errors,
        reached=reached if reached is not None else {50: validation, 100: validation},
    )


def jitter(seed: int, index: float = 0) -> float:
    """Return a factor near 1 that depends on the seed and on an index."""
    return 1 + 0.01 * (((seed * 7 + int(index) * 3) % 5) - 2)
