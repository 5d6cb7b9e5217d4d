from frontend.charts.parallel_coordinates import HEIGHT, parallel_info
from tests.unit.test_grid_chart import THREE_AXES, run


def test_each_cell_is_a_line_with_the_lowest_on_top() -> None:
    info = parallel_info(THREE_AXES, {}, choice="gap")
    assert info
    assert [axis.title for axis in info.axes] == [
        "width", "train samples", "dropout", "generalisation gap",
    ]  # fmt: skip
    assert (info.lines[-1].values, info.lines[-1].outcome) == (["1", "3", "0"], "4.00")
    assert info.lines[-1].path.endswith(f" {HEIGHT:.1f}")


def test_an_axis_has_the_positions_of_its_values() -> None:
    info = parallel_info(THREE_AXES, {}, choice="gap")
    assert info
    assert list(info.axes[0].heights) == [HEIGHT, 0]
    assert info.axes[-1].ramp and info.axes[-1].ramp.low == info.lines[-1].picks[-1]


def test_seeds_of_a_cell_are_one_line() -> None:
    runs = [
        run(i, width=i % 2, n_train=1 + i // 2 % 2, seed=i // 4, train=0, val=1) for i in range(8)
    ]
    info = parallel_info(runs, {}, choice="gap")
    assert info and [line.runs for line in info.lines] == [2, 2, 2, 2]


def test_cells_without_a_value_are_left_out_and_counted() -> None:
    runs = [*THREE_AXES, run(9, width=1, n_train=3, dropout=0.9, status="queued")]
    info = parallel_info(runs, {}, choice="gap")
    assert info and (len(info.lines), info.left_out) == (8, 1)


def test_one_hyperparameter_is_not_drawn() -> None:
    assert parallel_info([run(i, width=i) for i in range(3)], {}) is None


def test_the_best_loss_is_drawn_instead_of_a_verdict() -> None:
    info = parallel_info(THREE_AXES, {}, choice="verdict")
    assert info and (info.outcome, info.lines) == ("best validation loss", [])
