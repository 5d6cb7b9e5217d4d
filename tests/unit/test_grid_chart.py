from collections.abc import Mapping
from typing import Any

import pytest

from backend.runs.schemas import RunItem
from frontend.charts.grid import GridInfo, axes_of
from frontend.charts.grid_metrics import LEVELS, AtBest, Ramp
from frontend.charts.grid_panels import ALL, EACH, MAX_PANELS, PanelsInfo, panels_info


def run(
    id_: int, *, status: str = "finished", verdict: str | None = None, **values: Any
) -> RunItem:
    """Return a run with some hyperparameters (`width`, `n_train`, ...) and last losses."""
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


def one_table(runs: list[RunItem], at_best: Mapping[int, AtBest], **options: Any) -> GridInfo:
    [table] = panels_info(runs, at_best, **options).panels
    return table


def texts(grid: GridInfo) -> list[list[str | None]]:
    return [[cell.text if cell else None for cell in row] for row in grid.cells]


FOUR = [
    run(1, n_train=50, width=2, train=1.0, val=1.5),
    run(2, n_train=50, width=10, train=0.0, val=2.0),
    run(3, n_train=9, width=2, train=1.0, val=1.0),
    run(4, n_train=9, width=10, train=1.0, val=2.0),
]


def test_rows_are_capacity_and_columns_are_data_in_ascending_order() -> None:
    grid = one_table(FOUR, {})
    assert (grid.row_path, grid.column_path) == ("model.width", "dataset.n_train")
    assert (grid.rows, grid.columns) == ([2, 10], [9, 50])
    assert texts(grid) == [["0", "0.500"], ["1.00", "2.00"]]


def test_rows_and_columns_can_be_swapped() -> None:
    grid = one_table(FOUR, {}, row_path="dataset.n_train", column_path="model.width")
    assert texts(grid) == [["0", "1.00"], ["0.500", "2.00"]]


@pytest.mark.parametrize("path", ["model.width", "model.nonsense", ""])
def test_an_invalid_column_is_replaced_by_the_default(path: str) -> None:
    grid = one_table(FOUR, {}, row_path="model.width", column_path=path)
    assert grid.column_path == "dataset.n_train"


def test_runs_of_a_cell_are_averaged() -> None:
    runs = [run(seed, width=2 + seed % 2, seed=seed, train=0, val=seed) for seed in range(4)]
    grid = panels_info(runs, {})
    assert texts(grid.panels[0]) == [["1.00"], ["2.00"]]
    assert grid.averaged == ["training.seed"]


def test_one_hyperparameter_makes_one_column() -> None:
    grid = one_table([run(1, width=2, train=0, val=1), run(2, width=4, train=0, val=3)], {})
    assert (grid.column_path, texts(grid)) == (None, [["1.00"], ["3.00"]])


def test_a_single_cell_has_no_axes() -> None:
    grid = one_table([run(1, width=2, train=0, val=1)], {})
    assert (grid.row_path, grid.column_path, texts(grid)) == (None, None, [["1.00"]])


def test_seeds_are_the_rows_if_nothing_else_varies() -> None:
    grid = one_table([run(seed, width=2, seed=seed, train=0, val=seed) for seed in range(3)], {})
    assert (grid.row_path, len(grid.rows)) == ("training.seed", 3)


def test_runs_without_a_hyperparameter_have_their_own_row() -> None:
    runs = [run(1, train=0, val=1), *(run(w, width=w, train=0, val=3) for w in (4, 2))]
    assert one_table(runs, {}).rows == [None, 2, 4]


def test_a_hyperparameter_with_one_value_does_not_vary() -> None:
    assert axes_of([run(1, train=0, val=1), run(2, width=4, train=0, val=3)]) == {}


def test_a_missing_combination_is_an_empty_cell() -> None:
    assert one_table(FOUR[:3], {}).cells[1][0] is None


def test_cells_without_a_value_show_the_run_state() -> None:
    runs = [
        run(1, width=1, status="queued"),
        run(2, width=2, status="running"),
        run(3, width=3, status="failed"),
    ]
    assert texts(one_table(runs, {})) == [["queued"], ["running"], ["failed"]]


def test_the_colour_scale_spans_the_extremes() -> None:
    grid = panels_info(FOUR, {})
    styles = [cell.style for cell in grid.cells]
    assert (styles[0], styles[-1]) == ("level-0", f"level-{LEVELS - 1}")
    assert grid.ramp == Ramp(0, 2)


def test_equal_values_share_the_lowest_colour() -> None:
    grid = one_table([run(1, width=2, train=0, val=1), run(2, width=4, train=0, val=1)], {})
    assert {cell.style for row in grid.cells for cell in row if cell} == {"level-0"}


def test_colours_follow_the_logarithm_over_a_wide_range() -> None:
    best = {id_: {"val_loss": 10.0**id_} for id_ in range(1, 5)}
    grid = panels_info([run(id_, width=id_) for id_ in best], best, choice="best")
    assert grid.ramp and grid.ramp.is_log
    assert [cell.style for cell in grid.cells] == ["level-0", "level-2", "level-4", "level-6"]


def test_the_cost_of_not_stopping_is_relative_to_the_best_loss() -> None:
    runs = [run(1, width=1, val=1.5), run(2, width=2, val=2.0)]
    grid = one_table(runs, {1: {"val_loss": 1.0}, 2: {"val_loss": 2.0}}, choice="cost")
    assert texts(grid) == [["50% above"], ["0% above"]]


def test_a_cell_shows_the_verdict_of_most_of_its_runs() -> None:
    runs = [
        run(1, width=1, seed=0, verdict="overfitting"),
        run(2, width=1, seed=1, verdict="overfitting"),
        run(3, width=1, seed=2, verdict="good fit"),
        run(4, width=2, seed=0, verdict="good fit"),
    ]
    grid = panels_info(runs, {}, choice="verdict")
    assert texts(grid.panels[0]) == [["overfitting 2 of 3"], ["good fit"]]
    assert grid.legend == [
        ("tone-good", "good fit"), ("tone-harmful", "overfitting"),
    ]  # fmt: skip


def test_a_tie_of_verdicts_shows_and_opens_the_worst() -> None:
    verdicts = {1: (2, "good fit"), 2: (2, "underfitting"), 3: (4, "good fit")}
    runs = [run(i, width=w, seed=i, verdict=verdict) for i, (w, verdict) in verdicts.items()]
    grid = panels_info(runs, {}, choice="verdict")
    assert texts(grid.panels[0]) == [["underfitting 1 of 2"], ["good fit"]]
    assert grid.cells[0].opened.id == 2
    assert [text for _, text in grid.legend] == ["good fit", "underfitting"]


def test_a_diverged_run_is_left_out_of_the_mean() -> None:
    runs = [
        run(1, width=1, seed=0, train=0, val=float("inf")),
        run(2, width=1, seed=1, train=0, val=2.0),
        run(3, width=2, seed=0, train=0, val=1.0),
    ]
    assert texts(one_table(runs, {})) == [["2.00"], ["1.00"]]


THREE_AXES = [
    run(100 * w + 10 * n + d, width=w, n_train=n, dropout=d / 10, train=0, val=w + n + d)
    for w in (1, 2) for n in (3, 4) for d in (0, 5)
]  # fmt: skip


def test_a_third_hyperparameter_makes_tables_with_one_colour_scale() -> None:
    info = panels_info(THREE_AXES, {})
    assert [panel.title for panel in info.panels] == ["dropout 0", "dropout 0.5"]
    assert info.ramp == Ramp(4, 11)
    assert info.cells[-1].place == "width 2, train samples 4, dropout 0.5"


def test_a_third_hyperparameter_can_be_filtered() -> None:
    info = panels_info(THREE_AXES, {}, shown={"model.dropout": "0.5"})
    assert [texts(panel) for panel in info.panels] == [[["9.00", "10.0"], ["10.0", "11.0"]]]


def test_a_third_hyperparameter_can_be_averaged() -> None:
    info = panels_info(THREE_AXES, {}, shown={"model.dropout": ALL})
    assert [texts(panel) for panel in info.panels] == [[["6.50", "7.50"], ["7.50", "8.50"]]]
    assert info.averaged == ["model.dropout"]


@pytest.mark.parametrize("shown", [{"model.dropout": "7"}, {"model.width": "2"}, {"no": EACH}])
def test_axes_and_constant_hyperparameters_do_not_filter(shown: dict[str, str]) -> None:
    assert len(panels_info(THREE_AXES, {}, shown=shown).cells) == 8


def test_the_number_of_tables_is_bounded() -> None:
    runs = [run(i, width=i % 2, n_train=1 + i // 2 % 2, seed=i, val=1, train=0) for i in range(50)]
    assert len(runs) > MAX_PANELS
    assert len(panels_info(runs, {}, shown={"training.seed": EACH}).panels) == 1


def test_cells_shrink_as_columns_grow() -> None:
    def size(columns: int) -> str:
        return panels_info(
            [run(i, n_train=i, width=j) for i in range(columns) for j in (1, 2)], {}
        ).size

    assert [size(n) for n in (4, 10, 20)] == ["roomy", "compact", "dense"]


def test_cells_have_a_description_for_screen_readers() -> None:
    runs = [run(1, width=2, seed=0, train=0, val=1), run(2, width=2, seed=1, status="failed"),
            run(3, width=4, seed=0, train=0, val=2)]  # fmt: skip
    first: PanelsInfo = panels_info(runs, {})
    assert first.cells[0].aria_label == "width 2: 1.00, 2 runs, 1 failed, opens run 1, seed 0"
    assert first.cells[0].curves == "/charts/small-curve?runs=1,2&epochs=6"


def test_a_cell_is_compared_by_one_run_per_seed_cell() -> None:
    grid = panels_info(THREE_AXES, {}, shown={"model.dropout": ALL})
    assert (grid.subjects, grid.compared(grid.cells[0])) == ("cells", "130,135")
