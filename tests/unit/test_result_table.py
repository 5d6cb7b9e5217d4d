"""The table of results that `lab submit --wait` prints."""

from typing import Any

from backend.cli.watch import runs_table


def run(seed: int, width: int = 8, verdict: str | None = "overfitting", **last: float) -> Any:
    return {
        "params": {"dataset.n_train": 50, "model.width": width, "training.seed": seed},
        "parameters": 10 * width,
        "status": "finished" if verdict else "failed",
        "best_epoch": 7 if verdict else None,
        "verdict": verdict,
        "summary": {key: {"last": value, "min": value / 2} for key, value in last.items()},
    }


def test_seeds_are_one_row_of_medians() -> None:
    runs = [run(seed, train_loss=0.1 * seed, val_loss=0.2 * seed) for seed in (1, 2, 9)]
    _, *rows = runs_table(runs).splitlines()
    assert [row.split() for row in rows] == [["80", "50", "7", "0.2", "0.4", "0.2", "overfitting"]]


def test_varying_hyperparameters_are_columns() -> None:
    header, *rows = runs_table([run(0, width=2), run(0, width=4)]).splitlines()
    assert header.split()[0] == "width"
    assert [row.split()[0] for row in rows] == ["2", "4"]


def test_a_failed_run_shows_in_its_cell() -> None:
    _, row = runs_table([run(0), run(1), run(2, verdict=None)]).splitlines()
    assert row.endswith("overfitting (2 of 3), failed (1 of 3)")


def test_a_cell_without_any_epoch_has_dashes() -> None:
    _, row = runs_table([run(0, verdict=None)]).splitlines()
    assert row.split() == ["80", "50", "-", "-", "-", "-", "failed"]


def test_a_hyperparameter_that_some_runs_lack_is_not_a_column() -> None:
    single = {**run(0), "params": {"model.depth": 0, "dataset.n_train": 5}}
    hidden = {**run(0), "params": {"model.depth": 1, "model.width": 8, "dataset.n_train": 5}}
    assert runs_table([single, hidden]).splitlines()[0].split()[:2] == ["depth", "parameters"]
