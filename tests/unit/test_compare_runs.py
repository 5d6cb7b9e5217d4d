"""Differences between runs and cells, and when their test losses are comparable."""

from typing import Any

import pytest

from backend.runs.compare_runs import Subject, differences_to_first, differing
from backend.runs.schemas import RunItem
from frontend.charts.overlay import titles


def run(id_: int, seed: int, test: float | None = None, **params: Any) -> RunItem:
    summary = {} if test is None else {"test_loss": {"at_best": test}}
    flat: dict[str, Any] = {
        "dataset.source": "moons",
        "dataset.n_train": 50,
        "training.batch_size": 32,
    }
    flat |= {path.replace("__", "."): value for path, value in params.items()}
    return RunItem(
        id=id_, experiment_id=1, url="", status="finished", error=None, parameters=1, epoch=1,
        params=flat | {"training.seed": seed},
        summary=summary, best_epoch=None, early_stop_epoch=None, verdict=None, started_at=None,
        ended_at=None,
    )  # fmt: skip


def cell(first: int, losses: dict[int, float], **params: Any) -> Subject:
    runs = [run(first + i, seed, loss, **params) for i, (seed, loss) in enumerate(losses.items())]
    return Subject(first, runs, is_cell=True)


def test_differences_between_cells_ignore_seeds() -> None:
    small, large = cell(1, {0: 1.0}, model__width=2), cell(9, {1: 1.0}, model__width=8)
    assert differing([small, large]) == {"model.width": [2, 8]}
    assert titles([small, large]) == ["Cell of run 1 (width 2)", "Cell of run 9 (width 8)"]


def test_a_difference_is_paired_by_the_common_seeds() -> None:
    base, compared = cell(1, {0: 1.0, 1: 2.0, 2: 9.0}), cell(9, {0: 1.5, 1: 2.7, 5: 0.0})
    [differences] = differences_to_first([base, compared])
    assert differences.difference is not None
    assert differences.difference.pairs == 2
    assert differences.difference.mean == pytest.approx(0.6)
    assert differences.difference.low is not None
    assert differences.reason == ""


@pytest.mark.parametrize(
    ("compared", "reason"),
    [
        (cell(9, {7: 1.0, 8: 2.0}), "no seed in common"),
        (cell(9, {0: 1.0}), "one seed in common"),
        (
            cell(9, {0: 1.0}, dataset__source="xor"),
            "another source: test losses are not comparable",
        ),
        (cell(9, {0: 1.0}, training__loss="mse"), "another loss: test losses are not comparable"),
        (Subject(9, [run(9, 0)], is_cell=False), "no finished run with a test loss"),
    ],
)
def test_a_missing_difference_has_a_reason(compared: Subject, reason: str) -> None:
    [differences] = differences_to_first([cell(1, {0: 1.0, 1: 2.0}), compared])
    assert differences.reason == reason
    if differences.difference:
        assert differences.difference.low is None
