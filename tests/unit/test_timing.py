"""Time estimates."""

import pytest

from backend.specification.estimates import estimated_seconds, seconds
from tests.specs import run_spec, run_specs

PLAIN = {"model__width": 16, "dataset__n_train": 100, "training__epochs": 50}


def alone(**hyperparameters: object) -> float:
    return estimated_seconds([run_spec("moons", **{**PLAIN, **hyperparameters})])


def test_a_run_in_a_group_takes_far_less_time_than_alone() -> None:
    runs = run_specs("moons", **PLAIN, training__seeds=100)
    assert estimated_seconds(runs) < 0.3 * sum(estimated_seconds([run]) for run in runs)


@pytest.mark.parametrize(
    "more",
    [
        {"model__width": 512},
        {"model__depth": 6},
        {"dataset__n_train": 1000},
        {"dataset__n_test": 20_000},
        {"training__epochs": 100},
        {"training__batch_size": 8},
    ],
)
def test_larger_runs_take_longer(more: dict[str, object]) -> None:
    assert alone(**more) > 1.2 * alone()


def test_more_workers_take_less_time() -> None:
    runs = run_specs("moons", **PLAIN, training__seeds=8)
    assert estimated_seconds(runs, workers=4) == pytest.approx(estimated_seconds(runs) / 4)
    assert estimated_seconds(runs[:1], workers=4) == estimated_seconds(runs[:1])


def test_a_larger_run_of_a_group_gets_a_larger_share_of_the_time() -> None:
    sizes = {**PLAIN, "dataset__n_train": [50, 5000]}
    small, large = run_specs("moons", **sizes)
    small_share, large_share = seconds([small, large])
    assert large_share > 2 * small_share
    assert small_share < estimated_seconds([small])  # the fixed cost of each step is shared
