"""The chart of paired differences and its description."""

from backend.analysis.comparison import Arm, RunOutcome, compare
from frontend import formatting
from frontend.charts.variant_differences import ComparisonInfo, comparison_info, draw_comparison


def arm(name: str, *losses: float) -> Arm:
    outcomes = [
        RunOutcome(seed, {"val_loss": loss, "test_loss": loss}, 9)
        for seed, loss in enumerate(losses)
    ]
    return Arm(name, 10, 20, outcomes)


def info() -> ComparisonInfo:
    return comparison_info(
        compare(
            [arm("baseline", 1, 2, 3), arm("worse", 1.5, 2, 3.4), arm("better", 0.5, 1.51, 2.5)]
        )
    )


def test_the_lowest_test_loss_comes_first_and_the_choice_is_marked() -> None:
    assert [(row.name, row.chosen) for row in info().rows] == [("better", True), ("worse", False)]


def test_unresolved_differences_are_marked() -> None:
    quoted = "\N{LEFT DOUBLE QUOTATION MARK}baseline\N{RIGHT DOUBLE QUOTATION MARK}"
    text = f"Test loss minus that of {quoted}: better -0.497; worse +0.3 (not resolved)."
    isolates = dict.fromkeys(map(ord, "\N{FIRST STRONG ISOLATE}\N{POP DIRECTIONAL ISOLATE}"))
    assert info().description.translate(isolates) == text


def test_names_are_isolated_from_the_direction_of_the_text() -> None:
    assert formatting.isolated("better") in info().description


def test_each_difference_has_a_dot_in_two_intervals() -> None:
    data = draw_comparison(info())["data"]
    lines = [trace for trace in data if trace["mode"] == "lines"]
    widths = {trace["line"]["width"]: trace["x"][1] - trace["x"][0] for trace in lines[:2]}
    assert widths[2] > widths[6]
    assert list(data[-2]["x"]) == [row.test.mean for row in info().rows]


def test_a_variant_without_a_pair_is_left_out() -> None:
    waiting = Arm("later", 10, 20, [RunOutcome(0, None, 1, ended=False)])
    chart = comparison_info(compare([arm("baseline", 1, 2), waiting]))
    assert chart.rows == []
    assert draw_comparison(chart)["data"]


def test_names_are_escaped() -> None:
    chart = comparison_info(compare([arm("baseline", 1, 2), arm("<b>lr</b> & 1", 0.5, 1.5)]))
    assert draw_comparison(chart)["data"][-1]["y"][0] == "<b>&lt;b&gt;lr&lt;/b&gt; &amp; 1</b>"
