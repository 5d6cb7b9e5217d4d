"""Grouping of runs: complete, balanced, within memory and bounded in time."""

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.specification import RunSpec
from backend.specification.estimates import estimated_bytes, seconds
from backend.specification.grouping import MAX_RUNS, MAX_SECONDS, group_runs
from tests.specs import run_specs

GIB = 1 << 30


GRID = run_specs(
    "moons", model__width=[4, 8, 16, 32, 64], dataset__n_train=[50, 200, 1000], training__seeds=10
)


def lengths(groups: list[list[int]], runs: list[RunSpec]) -> list[float]:
    run_seconds = seconds(runs)
    return [sum(run_seconds[place] for place in group) for group in groups]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(GRID), max_size=60),
    st.integers(1, 16),
    st.integers(100_000, 20_000_000),
)
def test_every_run_is_in_one_group_that_fits_into_memory(
    runs: list[RunSpec], workers: int, memory: int
) -> None:
    groups = group_runs(runs, workers=workers, memory=memory)
    assert sorted(place for group in groups for place in group) == list(range(len(runs)))
    for group in groups:
        assert len(group) == 1 or sum(estimated_bytes(runs[place]) for place in group) <= memory


def test_every_worker_gets_a_group() -> None:
    for workers in (1, 2, 5, 7):
        assert len(group_runs(GRID[:20], workers=workers, memory=GIB)) >= workers


def test_groups_are_sorted_by_length_and_bounded() -> None:
    group_seconds = lengths(group_runs(GRID, workers=2, memory=GIB), GRID)
    assert group_seconds == sorted(group_seconds)
    assert group_seconds[-1] <= 1.1 * MAX_SECONDS


def test_workers_get_even_amounts_of_work() -> None:
    busy = [0.0] * 3
    for length in lengths(group_runs(GRID, workers=3, memory=GIB), GRID):
        busy[busy.index(min(busy))] += length  # the first idle worker takes the next group
    assert max(busy) < 1.15 * sum(busy) / 3


def test_many_short_runs_are_trained_together() -> None:
    quick = run_specs("moons", dataset__n_train=10, training__epochs=5, training__seeds=1000)
    groups = group_runs(quick, workers=1, memory=GIB)
    assert len(groups) <= 1 + len(quick) // MAX_RUNS


def test_runs_of_one_program_are_grouped() -> None:
    runs = run_specs("moons", model__activation=["relu", "tanh"], training__seeds=8)
    for group in group_runs(runs, workers=2, memory=GIB):
        assert len({runs[place].model.activation for place in group}) == 1
