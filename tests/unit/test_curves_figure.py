import math
from collections.abc import Sequence

from backend.store.metrics import Series
from frontend.figures.curves import CurvesInfo, curves_info, draw_curves


def info(
    train: Sequence[float | None],
    validation: Sequence[float | None],
    best: int | None = None,
    stop: int | None = None,
) -> CurvesInfo:
    steps = list(range(1, len(train) + 1))
    series = {
        "train_loss": Series(steps, list(train)),
        "val_loss": Series(steps, list(validation)),
    }
    return curves_info("loss", series, best_epoch=best, early_stop_epoch=stop)


def test_a_short_curve_is_drawn_whole() -> None:
    train, validation, test = info([3, 2, 1], [3, 1, 2], best=2).lines
    assert (train.steps, train.values) == ([1, 2, 3], [3, 2, 1])
    assert (validation.steps, validation.values) == ([1, 2, 3], [3, 1, 2])
    assert test.steps == []


def test_the_stretch_after_the_best_epoch_reaches_to_the_end() -> None:
    assert info([3, 2, 1], [3, 1, 2], best=2).after_best == (2, 3)


def test_there_is_no_stretch_after_the_best_epoch_when_it_is_the_last() -> None:
    assert info([3, 2, 1], [3, 2, 1], best=3).after_best is None


def test_thinning_keeps_the_ends_the_marks_and_a_spike() -> None:
    losses = [1 / (step + 1) for step in range(50_000)]
    losses[31_234] = 9.0
    train = info(losses, losses, best=40_001, stop=40_021).lines[0]
    assert {1, 50_000, 31_235, 40_001, 40_021} <= set(train.steps)
    assert len(train.steps) < 5_000


def test_thinning_keeps_the_first_epochs_whole() -> None:
    losses = [1 / (step + 1) for step in range(50_000)]
    assert list(info(losses, losses).lines[0].steps[:200]) == list(range(1, 201))


def test_thinned_lines_share_their_steps() -> None:
    down, up = [1 - i / 9000 for i in range(9000)], [math.sin(i) for i in range(9000)]
    train, validation, _ = info(down, up).lines
    assert train.steps == validation.steps


def test_losses_that_are_not_finite_become_gaps() -> None:
    assert list(info([1.0, math.inf, None], [1.0, 2.0, 3.0]).lines[0].values) == [1.0, None, None]


def test_the_description_names_every_number_the_chart_marks() -> None:
    text = info([3, 2, 1], [3, 1, 2], best=2, stop=3).description
    assert text == (
        "Loss after epoch 3: train 1.00, validation 2.00. "
        "Best epoch: 2 (lowest validation loss). Early stopping fires at epoch 3."
    )


def test_a_run_without_epochs_is_described_and_can_be_drawn() -> None:
    empty = curves_info("loss", {})
    assert empty.description == "No epoch has been recorded yet."
    assert [trace["meta"] for trace in draw_curves(empty)["data"]] == [
        "train_loss", "val_loss", "test_loss",
    ]  # fmt: skip


def test_the_drawing_marks_and_shades() -> None:
    layout = draw_curves(info([3, 2, 1], [3, 1, 2], best=2, stop=3), scale="log")["layout"]
    assert [shape["name"] for shape in layout["shapes"]] == [
        "after the best epoch", "best epoch", "early stop",
    ]  # fmt: skip
    assert [note["text"] for note in layout["annotations"]] == ["best epoch 2", "early stop 3"]
    assert layout["yaxis"]["type"] == "log"


def test_train_and_validation_differ_in_colour_and_dash() -> None:
    train, validation, test = draw_curves(info([1], [1]))["data"]
    assert train["line"]["color"] != validation["line"]["color"]
    assert (train["line"]["dash"], validation["line"]["dash"]) == ("solid", "dash")
    assert test["visible"] == "legendonly"
