"""The charts of the analysis of a grid: scales, ticks and small values."""

import pytest

from backend.analysis.bias_variance import Split
from backend.analysis.capacity_curves import capacity_curves
from backend.analysis.cause import cause
from backend.analysis.learning_curves import learning_curves
from backend.analysis.measured_cells import cells
from backend.runs.grid_analysis import CellSplit, EpochSplit
from frontend.charts.bias_variance import draw_splits, over_epochs, over_sizes, split_lines
from frontend.charts.capacity_curve import CapacityInfo, draw_capacity_curve
from frontend.charts.learning_curve import LearningInfo, draw_learning_curve
from frontend.charts.limiting_factors import CauseInfo, draw_cause
from frontend.charts.size_axes import axis_type, log_ticks, short
from frontend.pages.analysis_sections import grid_sections
from tests.grids import jitter, result, results
from tests.unit.test_grid_chart import run

SIZES = [25, 50, 100, 200, 400]


@pytest.mark.parametrize(
    ("values", "scale"),
    [([10, 100], "log"), ([10, 99], "linear"), ([0, 1000], "linear"), ([-1, 50], "linear"),
     ([], "linear"), ([5], "linear")],
)  # fmt: skip
def test_an_axis_is_logarithmic_for_a_wide_range_of_positive_values(
    values: list[float], scale: str
) -> None:
    assert axis_type(values) == scale


def test_logarithmic_axes_have_few_round_ticks() -> None:
    assert log_ticks([0.03, 0.8])[:4] == [0.01, 0.02, 0.05, 0.1]
    assert log_ticks([1, 1e5]) == [1, 10, 100, 1000, 1e4, 1e5]
    assert len(log_ticks([1e-29, 1])) <= 10


@pytest.mark.parametrize(("value", "text"), [(800, "800"), (1210, "1.21k"), (3e6, "3M")])
def test_sizes_are_short(value: float, text: str) -> None:
    assert short(value) == text


def traces(drawing: dict[str, object]) -> dict[str, dict[str, object]]:
    data = drawing["data"]
    assert isinstance(data, list)
    return {trace["name"]: trace for trace in data}


def test_a_learning_curve_shows_its_law_and_the_constant() -> None:
    runs = results(
        lambda p, s: (2 * p["dataset.n_train"] ** -0.5 + 0.1) * jitter(s), dataset__n_train=SIZES
    )
    [curve] = learning_curves(cells(runs))
    figure = draw_learning_curve(LearningInfo(curve))
    names = traces(figure)
    assert {"Train", "Validation", "Validation, interval", "Fitted law", "Same as the last"} <= (
        names.keys()
    )
    assert list(names["Validation"]["x"]) == SIZES  # type: ignore[call-overload]
    assert figure["description"] == curve.sentence


def test_a_train_loss_near_zero_does_not_stretch_the_axis() -> None:
    runs = [
        result({"dataset.n_train": 100, "model.width": width, "training.seed": 0},
               validation=1.0, train=train, train_error=0.0)
        for width, train in ((1, 0.5), (10, 1e-29), (100, 1e-30))
    ]  # fmt: skip
    [curve] = capacity_curves(cells(runs))
    train = traces(draw_capacity_curve(CapacityInfo(curve)))["Train, last epoch"]
    assert min(train["y"]) == pytest.approx(0.01)  # type: ignore[call-overload]


def test_the_threshold_is_marked_if_it_is_in_the_range() -> None:
    runs = [
        result({"dataset.n_train": 100, "model.width": width, "training.seed": 0},
               validation=1.0, train_error=0.0 if width > 4 else 0.2)
        for width in (1, 4, 8, 16)
    ]  # fmt: skip
    [curve] = capacity_curves(cells(runs))
    assert CapacityInfo(curve).marks == [
        (80.0, "train error about 0"), (100.0, "as many parameters as numbers to fit"),
    ]  # fmt: skip


def test_the_cause_is_drawn_with_intervals_and_described() -> None:
    runs = results(lambda p, s: 10 / p["dataset.n_train"] * jitter(s), dataset__n_train=SIZES)
    report = cause(cells(runs))
    assert report is not None
    figure = draw_cause(CauseInfo(report))
    assert figure["description"].startswith(report.sentence)
    assert "Capacity is not assessable" in figure["description"]
    dot = traces(figure)["Validation: limits"]
    assert "200 \N{RIGHTWARDS ARROW} 400" in str(dot["y"])


def cell(width: int, error: float) -> CellSplit:
    split = Split(error / 2, error / 2, error, 0.01, 0.01, 0.01, 3)
    params = {"model.width": width, "dataset.n_train": 50}
    return CellSplit(
        params, 10 * width, "squared error", 200, None, split, split, [EpochSplit(1, split)]
    )


def test_splits_are_drawn_over_capacity_with_their_intervals() -> None:
    [line] = split_lines([cell(4, 1.0), cell(2, 2.0)], "model.width")
    names = traces(draw_splits(over_sizes(line, at="last")))
    assert list(names["Variance"]["x"]) == [20, 40]  # type: ignore[call-overload]
    assert list(names["Variance"]["y"]) == [1.0, 0.5]  # type: ignore[call-overload]
    assert "Bias squared, interval" in names


def test_splits_over_epochs_belong_to_one_cell() -> None:
    figure = draw_splits(over_epochs(cell(4, 1.0)))
    assert list(traces(figure)["Bias squared"]["x"]) == [1]  # type: ignore[call-overload]


def test_there_is_no_analysis_before_two_runs_have_finished() -> None:
    assert grid_sections(1, [run(1, width=2), run(2, width=4, status="running")], {}) is None


def test_a_section_takes_its_setting_from_the_url() -> None:
    runs = [run(i, width=w, n_train=n) for i, (w, n) in enumerate([(2, 9), (4, 9), (2, 50)])]
    offered = grid_sections(1, runs, {"learning": "1", "capacity": "7", "target": "0.5"})
    assert offered is not None
    sections = {section.name: section for section in offered.sections}
    assert sections["learning"].chosen == 1
    assert "setting=1" in sections["learning"].src and "target=0.5" in sections["learning"].src
    assert sections["capacity"].chosen is None
    assert list(sections["learning"].options) == ["width 2", "width 4"]
