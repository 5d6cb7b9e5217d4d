"""Grouping of runs: complete, balanced, within memory and bounded in time."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.specification.grouping import LONGEST_SECONDS, MOST_RUNS, cut
from backend.specification.memory import estimated_bytes
from backend.specification.timing import seconds
from tests.specs import run_specs

GIB = 1 << 30


def params(**hyperparameters: Any) -> list[dict[str, Any]]:
    return [spec.params() for spec in run_specs("moons", **hyperparameters)]


GRID = params(model__width=[4, 8, 16, 32, 64], dataset__n_train=[50, 200, 1000], training__seeds=10)


def lengths(groups: list[list[int]], runs: list[dict[str, Any]]) -> list[float]:
    run_seconds = seconds(runs)
    return [sum(run_seconds[place] for place in group) for group in groups]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(GRID), max_size=60),
    st.integers(1, 16),
    st.integers(100_000, 20_000_000),
)
def test_every_run_is_in_one_group_that_fits_into_memory(
    runs: list[dict[str, Any]], workers: int, memory: int
) -> None:
    groups = cut(runs, workers=workers, memory=memory)
    assert sorted(place for group in groups for place in group) == list(range(len(runs)))
    for group in groups:
        assert len(group) == 1 or sum(estimated_bytes(runs[place]) for place in group) <= memory


def test_every_worker_gets_a_group() -> None:
    for workers in (1, 2, 5, 7):
        assert len(cut(GRID[:20], workers=workers, memory=GIB)) >= workers


def test_groups_are_sorted_by_length_and_bounded() -> None:
    cut_lengths = lengths(cut(GRID, workers=2, memory=GIB), GRID)
    assert cut_lengths == sorted(cut_lengths, reverse=True)
    assert cut_lengths[0] <= 1.1 * LONGEST_SECONDS


def test_workers_get_even_amounts_of_work() -> None:
    busy = [0.0] * 3
    for length in lengths(cut(GRID, workers=3, memory=GIB), GRID):
        busy[busy.index(min(busy))] += length  # the first idle worker takes the next group
    assert max(busy) < 1.15 * sum(busy) / 3


def test_many_short_runs_are_trained_together() -> None:
    quick = params(dataset__n_train=10, training__epochs=5, training__seeds=1000)
    groups = cut(quick, workers=1, memory=GIB)
    assert len(groups) <= 1 + len(quick) // MOST_RUNS


def test_runs_of_one_program_are_grouped() -> None:
    runs = params(model__activation=["relu", "tanh"], training__seeds=8)
    for group in cut(runs, workers=2, memory=GIB):
        assert len({runs[place]["model.activation"] for place in group}) == 1
