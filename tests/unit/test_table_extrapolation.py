"""Forecasts of the learning curve on tables whose noise floor is known."""

from pathlib import Path

import numpy as np
import pytest
import torch

from backend.analysis.learning_curves import learning_curves
from backend.analysis.measured_cells import PartLosses, RunResult, cells
from backend.specification import RunSpec
from tests.specs import run_specs
from tests.tables import use_table
from worker.training.group import EpochResult, Group

DRAWS, INPUTS, NOISE, FACTOR = 10, 6, 0.5, 4
SIZES = [16, 32, 64, 128, 256]


def table(draw: int) -> dict[str, list[float]]:
    """Return a linear table with noise, of enough rows for FACTOR times the largest size."""
    generator = np.random.default_rng(draw)
    x = generator.normal(size=(4000, INPUTS))
    y = x @ np.ones(INPUTS) / INPUTS**0.5 + NOISE * generator.normal(size=len(x))
    return {f"x{index}": x[:, index].tolist() for index in range(INPUTS)} | {"y": y.tolist()}


def results(specs: list[RunSpec]) -> list[RunResult]:
    """Solve the runs in closed form and return their losses."""
    group = Group(specs, torch.device("cpu"))
    epochs = [result for result in group.epoch() if isinstance(result, EpochResult)]
    losses = {e.index: [e.metrics[f"{part}_loss"] for part in ("train", "val", "test")]
              for e in epochs}  # fmt: skip
    return [
        RunResult(
            params=spec.params(), parameters=INPUTS + 1, epochs=1, best_epoch=1,
            best=PartLosses(*losses[index]), final=PartLosses(*losses[index]),
            reference_loss=None, errors=None, outputs=1, reached={},
        )
        for index, spec in enumerate(specs)
    ]  # fmt: skip


def is_covered(draw: int, monkeypatch: pytest.MonkeyPatch, folder: Path) -> bool:
    """Return whether the interval of the forecast contains the loss at FACTOR times the rows."""
    use_table(monkeypatch, folder, table(draw))
    runs = results(
        run_specs(
            "own", model__family="polynomial", model__degree=1,
            training__optimizer="closed_form", training__seeds=5,
            dataset__n_train=[*SIZES, FACTOR * SIZES[-1]],
            dataset__n_validation=1000, dataset__n_test=1000,
        )
    )  # fmt: skip
    known = [run for run in runs if run.params["dataset.n_train"] in SIZES]
    beyond = [run.best.validation for run in runs if run not in known]
    [curve] = learning_curves(cells(known))
    assert curve.law is not None
    [ahead] = [f.law for f in curve.law.forecasts if f.n_train == FACTOR * SIZES[-1]]
    return (ahead.low or 0) <= float(np.mean([loss or 0 for loss in beyond])) <= (ahead.high or 0)


def test_forecasts_contain_the_measured_loss_in_nine_of_ten_draws(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    covered = [is_covered(draw, monkeypatch, tmp_path) for draw in range(DRAWS)]
    assert sum(covered) >= 9
