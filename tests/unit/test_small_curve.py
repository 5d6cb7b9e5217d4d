from backend.series import Series
from frontend.charts.cell_curves import HEIGHT, MAX_POINTS, WIDTH, small_curve


def losses(train: list[float | None], validation: list[float | None]) -> dict[str, Series]:
    steps = list(range(1, len(train) + 1))
    return {"train_loss": Series.of(steps, train), "val_loss": Series.of(steps, validation)}


def test_lines_fill_the_drawing() -> None:
    drawing = small_curve([losses([2.0, 1.0], [2.0, 1.5])])
    assert drawing
    assert drawing.paths == {"train": [f"M0.0 0.0L{WIDTH:.1f} {HEIGHT:.1f}"],
                           "val": [f"M0.0 0.0L{WIDTH:.1f} {HEIGHT / 2:.1f}"]}  # fmt: skip
    assert (drawing.low, drawing.high, drawing.epochs, drawing.is_log) == (1.0, 2.0, 2, False)


def test_each_seed_is_a_line() -> None:
    drawing = small_curve([losses([2.0, 1.0], [2.0, 1.5])] * 3)
    assert drawing and {part: len(paths) for part, paths in drawing.paths.items()} == {
        "train": 3, "val": 3
    }  # fmt: skip


def test_a_line_is_broken_at_missing_values() -> None:
    drawing = small_curve([losses([1.0, None, 3.0], [1.0, float("inf"), 3.0])])
    assert drawing and drawing.paths["train"][0].count("M") == 2


def test_a_thousand_epochs_are_thinned() -> None:
    values: list[float | None] = [float(i % 7) for i in range(1000)]
    drawing = small_curve([losses(values, values)])
    assert drawing and drawing.paths["val"][0].count("L") < MAX_POINTS


def test_one_epoch_is_a_dot_and_zero_epochs_are_not_drawn() -> None:
    dot = small_curve([losses([1.0], [2.0])])
    assert dot and dot.paths["train"] == [f"M0.0 {HEIGHT:.1f}h.1"]
    assert small_curve([losses([], [])]) is None
