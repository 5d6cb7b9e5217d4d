from typing import Any

import pytest

from backend.views import RunItem
from frontend.figures.grid import LEVELS, GridInfo, Ramp, grid_info, varying


def run(
    id_: int, *, status: str = "finished", verdict: str | None = None, **values: Any
) -> RunItem:
    """A run; `width`, `n_train` and `seed` are knobs, `train` and `val` its last losses."""
    names = {"width": "model.width", "n_train": "dataset.n_train", "seed": "training.seed",
             "dropout": "model.dropout"}  # fmt: skip
    losses = {"train_loss": values.pop("train", None), "val_loss": values.pop("val", None)}
    return RunItem(
        id=id_, experiment_id=1, url=f"/runs/{id_}", status=status, error=None,
        params={names[name]: value for name, value in values.items()},
        parameters=10, epoch=3, best_epoch=2, early_stop_epoch=None, verdict=verdict,
        started_at=None, ended_at=None,
        summary={key: {"last": value} for key, value in losses.items() if value is not None},
    )  # fmt: skip


def texts(grid: GridInfo) -> list[list[str | None]]:
    return [[cell.text if cell else None for cell in row] for row in grid.cells]


FOUR = [
    run(1, n_train=50, width=2, train=1.0, val=1.5),
    run(2, n_train=50, width=10, train=0.0, val=2.0),
    run(3, n_train=9, width=2, train=1.0, val=1.0),
    run(4, n_train=9, width=10, train=1.0, val=2.0),
]


def test_capacity_goes_down_and_data_across_in_ascending_order() -> None:
    grid = grid_info(FOUR, {})
    assert (grid.row_knob, grid.column_knob) == ("model.width", "dataset.n_train")
    assert (grid.rows, grid.columns) == ([2, 10], [9, 50])
    assert texts(grid) == [["0.000", "0.500"], ["1.00", "2.00"]]


def test_the_reader_may_turn_the_grid() -> None:
    grid = grid_info(FOUR, {}, row_knob="dataset.n_train", column_knob="model.width")
    assert texts(grid) == [["0.000", "1.00"], ["0.500", "2.00"]]


@pytest.mark.parametrize("knob", ["model.width", "model.nonsense", ""])
def test_a_knob_asked_for_twice_or_unknown_is_chosen_anew(knob: str) -> None:
    grid = grid_info(FOUR, {}, row_knob="model.width", column_knob=knob)
    assert grid.column_knob == "dataset.n_train"


def test_what_varies_within_a_cell_is_averaged_and_named() -> None:
    runs = [run(seed, width=2 + seed % 2, seed=seed, train=0, val=seed) for seed in range(4)]
    grid = grid_info(runs, {})
    assert texts(grid) == [["1.00"], ["2.00"]]
    assert grid.averaged == ["training.seed"]


def test_one_knob_makes_one_column() -> None:
    grid = grid_info([run(1, width=2, train=0, val=1), run(2, width=4, train=0, val=3)], {})
    assert (grid.column_knob, texts(grid)) == (None, [["1.00"], ["3.00"]])


def test_a_single_cell_has_no_knobs() -> None:
    grid = grid_info([run(1, width=2, train=0, val=1)], {})
    assert (grid.row_knob, grid.column_knob, texts(grid)) == (None, None, [["1.00"]])


def test_seeds_alone_are_told_apart() -> None:
    grid = grid_info([run(seed, width=2, seed=seed, train=0, val=seed) for seed in range(3)], {})
    assert (grid.row_knob, len(grid.rows)) == ("training.seed", 3)


def test_runs_to_which_a_knob_does_not_apply_have_a_row_of_their_own() -> None:
    runs = [run(1, train=0, val=1), *(run(w, width=w, train=0, val=3) for w in (4, 2))]
    assert grid_info(runs, {}).rows == [None, 2, 4]


def test_a_knob_with_one_value_does_not_vary_where_it_does_not_always_apply() -> None:
    assert varying([run(1, train=0, val=1), run(2, width=4, train=0, val=3)]) == {}


def test_a_missing_combination_is_an_empty_cell() -> None:
    assert grid_info(FOUR[:3], {}).cells[1][0] is None


def test_cells_without_a_value_say_what_is_going_on() -> None:
    runs = [
        run(1, width=1, status="queued"),
        run(2, width=2, status="running"),
        run(3, width=3, status="failed"),
    ]
    assert texts(grid_info(runs, {})) == [["queued"], ["running"], ["failed"]]


def test_the_ends_of_the_ramp_are_the_extremes() -> None:
    grid = grid_info(FOUR, {})
    styles = [cell.style for row in grid.cells for cell in row if cell]
    assert (styles[0], styles[-1]) == ("level-0", f"level-{LEVELS - 1}")
    assert grid.ramp == Ramp(0, 2)


def test_equal_values_share_the_lowest_colour() -> None:
    grid = grid_info([run(1, width=2, train=0, val=1), run(2, width=4, train=0, val=1)], {})
    assert {cell.style for row in grid.cells for cell in row if cell} == {"level-0"}


def test_colours_follow_the_logarithm_over_a_wide_range() -> None:
    best = {id_: {"val_loss": 10.0**id_} for id_ in range(1, 5)}
    grid = grid_info([run(id_, width=id_) for id_ in best], best, choice="best")
    assert grid.ramp and grid.ramp.is_log
    assert [row[0].style for row in grid.cells if row[0]] == [
        "level-0", "level-2", "level-4", "level-6",
    ]  # fmt: skip


def test_the_cost_of_not_stopping_is_relative_to_the_best_loss() -> None:
    runs = [run(1, width=1, val=1.5), run(2, width=2, val=2.0)]
    grid = grid_info(runs, {1: {"val_loss": 1.0}, 2: {"val_loss": 2.0}}, choice="cost")
    assert texts(grid) == [["50%"], ["0%"]]


def test_a_cell_shows_the_verdict_of_most_of_its_runs() -> None:
    runs = [
        run(1, width=1, seed=0, verdict="overfitting"),
        run(2, width=1, seed=1, verdict="overfitting"),
        run(3, width=1, seed=2, verdict="good fit"),
        run(4, width=2, seed=0, verdict="good fit"),
    ]
    grid = grid_info(runs, {}, choice="verdict")
    assert texts(grid) == [["overfitting 2/3"], ["good fit"]]
    assert grid.legend == [
        ("verdict-overfitting", "overfitting"), ("verdict-good-fit", "good fit"),
    ]  # fmt: skip


def test_a_diverged_run_does_not_spoil_the_mean() -> None:
    runs = [
        run(1, width=1, seed=0, train=0, val=float("inf")),
        run(2, width=1, seed=1, train=0, val=2.0),
        run(3, width=2, seed=0, train=0, val=1.0),
    ]
    assert texts(grid_info(runs, {})) == [["2.00"], ["1.00"]]
