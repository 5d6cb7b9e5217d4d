from frontend.charts.grid import MAX_SIZES, sizes_info
from frontend.charts.grid_metrics import LEVELS
from tests.specs import run_specs


def test_runs_are_counted_by_parameters_and_samples() -> None:
    info = sizes_info(run_specs("moons", dataset__n_train=[50, 20], model__width=[2, 8],
                                model__depth=1, training__seeds=3))  # fmt: skip
    assert (list(info.parameters), list(info.samples)) == ([42, 12], [20, 50])
    assert [[count.runs if count else 0 for count in row] for row in info.cells] == [[3, 3], [3, 3]]


def test_equal_numbers_of_parameters_and_targets_are_the_middle_colour() -> None:
    [[size]] = sizes_info(run_specs("points", dataset__n_train=2, model__degree=1)).cells
    assert size and size.level == LEVELS // 2
    assert size.text == "2 parameters, 2 samples: 1 parameters per target"


def test_more_parameters_are_darker_and_more_samples_lighter() -> None:
    info = sizes_info(run_specs("moons", dataset__n_train=[10, 1000], model__width=[1, 64]))
    levels = [[count.level if count else -1 for count in row] for row in info.cells]
    assert levels[0][0] == LEVELS - 1
    assert levels[1][1] == 0


def test_sizes_beyond_the_limit_are_left_out_and_reported() -> None:
    info = sizes_info(run_specs("moons", model__width=list(range(1, 40))))
    assert (len(info.parameters), info.left_out) == (MAX_SIZES, True)
