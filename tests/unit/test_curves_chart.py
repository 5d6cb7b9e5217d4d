import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from backend.series import Series
from frontend.chart_options import RunView
from frontend.charts.loss_chart import draw_curves
from frontend.charts.loss_curves import CurvesInfo, curves_info

PLAIN = RunView()


def info(
    train: Sequence[float | None],
    validation: Sequence[float | None],
    best: int | None = None,
    stop: int | None = None,
    *,
    view: RunView = PLAIN,
    seeds: Sequence[Mapping[str, Series]] = (),
) -> CurvesInfo:
    series = losses(train, validation)
    return curves_info(
        "loss", series, view=view, best_epoch=best, early_stop_epoch=stop, seeds=seeds
    )


def losses(train: Sequence[float | None], validation: Sequence[float | None]) -> dict[str, Series]:
    steps = list(range(1, len(train) + 1))
    return {"train_loss": Series.of(steps, train), "val_loss": Series.of(steps, validation)}


def traces(info: CurvesInfo) -> dict[str, Any]:
    return {trace["uid"]: trace for trace in draw_curves(info)["data"]}


def test_a_short_curve_is_drawn_whole() -> None:
    train, validation, test = info([3, 2, 1], [3, 1, 2], best=2).lines
    assert (train.steps, train.values) == ([1, 2, 3], [3, 2, 1])
    assert (validation.steps, validation.values) == ([1, 2, 3], [3, 1, 2])
    assert test.steps == []


def test_the_range_after_the_best_epoch_reaches_the_last_epoch() -> None:
    assert info([3, 2, 1], [3, 1, 2], best=2).after_best == (2, 3)


def test_there_is_no_range_after_a_best_epoch_that_is_the_last() -> None:
    assert info([3, 2, 1], [3, 2, 1], best=3).after_best is None


def test_thinning_keeps_end_points_marked_epochs_and_spikes() -> None:
    losses = [1 / (step + 1) for step in range(50_000)]
    losses[31_234] = 9.0
    train = info(losses, losses, best=40_001, stop=40_021).lines[0]
    assert {1, 50_000, 31_235, 40_001, 40_021} <= set(train.steps)


def test_a_million_points_are_thinned_to_2000() -> None:
    noise = array("d", np.random.default_rng(0).normal(size=1_000_000))
    for view in (PLAIN, RunView(epochs="log")):
        chart = info(noise, noise[::-1], best=300_000, stop=400_000, view=view)
        assert max(len(line.steps) for line in chart.lines) <= 2_000
        assert min(noise) in chart.lines[1].values


def test_a_logarithmic_axis_keeps_all_of_the_first_epochs() -> None:
    losses = [1 / (step + 1) for step in range(50_000)]
    chart = info(losses, losses, view=RunView(epochs="log"))
    assert list(chart.lines[0].steps[:30]) == list(range(1, 31))


def test_a_range_of_epochs_is_drawn_in_full_detail() -> None:
    losses = [1 / (step + 1) for step in range(50_000)]
    stretch = info(losses, losses, view=RunView(first=20_000, last=20_300))
    assert list(stretch.lines[0].steps) == list(range(20_000, 20_301))
    assert draw_curves(stretch)["layout"]["xaxis"]["range"] == [20_000, 20_300]


def test_the_gap_is_drawn_on_its_own_axis() -> None:
    gap = info([3, 2, 1], [3, None, 2]).gap
    assert gap is not None
    assert gap.values == [0, None, 1]
    assert traces(info([3, 2, 1], [3, 1, 2]))["gap"]["yaxis"] == "y2"


def test_accuracy_has_no_gap() -> None:
    assert curves_info("accuracy", {}, view=PLAIN).gap is None


def test_smoothing_keeps_the_recorded_line_visible() -> None:
    lines = traces(info([3, 1, 3], [3, 1, 3], view=RunView(smoothing=0.5)))
    assert lines["train"]["y"] == [3, 1, 3]
    assert lines["train"]["opacity"] < 0.5
    assert lines["train smoothed"]["y"] == pytest.approx([3, 5 / 3, 17 / 7])


def test_smoothing_does_not_depend_on_the_shown_range() -> None:
    losses = [float(step % 5) for step in range(100)]
    whole = info(losses, losses, view=RunView(smoothing=0.9))
    part = info(losses, losses, view=RunView(smoothing=0.9, first=50, last=60))
    smoothed = whole.lines[0].smoothed
    assert smoothed is not None
    assert part.lines[0].smoothed == smoothed.take(slice(49, 60))


def test_other_seeds_are_drawn_behind_with_a_single_legend_entry() -> None:
    behind = [losses([4, 3], [5, 4]), losses([6, 3], [7, 4])]
    lines = draw_curves(info([3, 2], [3, 1], seeds=behind))["data"]
    assert [trace["uid"] for trace in lines[:3]] == ["seeds train", "seeds val", "train"]
    assert lines[0]["x"] == [1, 2, None, 1, 2, None]
    assert [trace["showlegend"] for trace in lines[:2]] == [True, False]


def test_an_exploding_seed_does_not_squeeze_the_curve_of_the_run() -> None:
    behind = [losses([4, 3], [500, 900])]
    exploded = info([3, 2], [3, 1], seeds=behind)
    assert exploded.limits == (0, 6)
    assert draw_curves(exploded)["layout"]["yaxis2"].get("range") is None
    assert info([3, 2], [3, 1], seeds=[losses([4, 3], [5, 4])]).limits is None


def test_thinned_lines_share_their_steps() -> None:
    down, up = [1 - i / 9000 for i in range(9000)], [math.sin(i) for i in range(9000)]
    train, validation, _ = info(down, up).lines
    assert train.steps == validation.steps


def test_losses_that_are_not_finite_become_gaps() -> None:
    assert list(info([1.0, math.inf, None], [1.0, 2.0, 3.0]).lines[0].values) == [1.0, None, None]


def test_the_description_contains_every_marked_value() -> None:
    text = info([3, 2, 1], [3, 1, 2], best=2, stop=3).description
    assert text == (
        "Loss after epoch 3: train 1.00, validation 2.00. Validation is 1.00 above train. "
        "Best epoch: 2 (lowest validation loss). Early stopping fires at epoch 3."
    )


def test_a_run_without_epochs_can_be_drawn() -> None:
    empty = curves_info("loss", {}, view=PLAIN)
    assert empty.description == "No epoch has been recorded yet."
    assert [trace["meta"] for trace in draw_curves(empty)["data"]] == [
        "train_loss", "val_loss", "test_loss", "gap",
    ]  # fmt: skip


def test_marked_epochs_and_the_range_after_the_best_are_drawn() -> None:
    chart = info([3, 2, 1], [3, 1, 2], best=2, stop=3, view=RunView(scale="log"))
    layout = draw_curves(chart)["layout"]
    assert [shape["name"] for shape in layout["shapes"]] == [
        "after the best epoch", "best epoch", "early stop", "epoch of the picture",
    ]  # fmt: skip
    assert [note["text"] for note in layout["annotations"]] == ["best epoch 2", "early stop 3"]
    assert layout["yaxis"]["type"] == "log"


def test_train_and_validation_differ_in_colour_and_dash() -> None:
    train, validation, test, _ = draw_curves(info([1], [1]))["data"]
    assert train["line"]["color"] != validation["line"]["color"]
    assert (train["line"]["dash"], validation["line"]["dash"]) == ("solid", "dash")
    assert test["visible"] == "legendonly"


def test_validation_below_train_is_described() -> None:
    assert "Validation is 2.00 below train." in info([3, 3], [2, 1]).description


def test_a_single_epoch_is_a_dot() -> None:
    lines = draw_curves(info([3], [2], seeds=[losses([4], [5])]))["data"]
    assert {trace["mode"] for trace in lines if trace["x"]} == {"lines+markers"}
