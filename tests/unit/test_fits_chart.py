from base64 import b64decode
from typing import Any

import numpy as np
from plotly.utils import PlotlyJSONEncoder
from safetensors.numpy import save

from frontend.charts.fits import FitInfo, draw_fit, fit_info

PARTS = ("train", "validation")


def samples(x: list[list[float]], y: list[float], wrong: list[int]) -> bytes:
    x_, y_ = np.array(x, np.float32), np.array(y, np.float32)
    return save(
        {
            "train_x": x_,
            "train_y": y_,
            "train_mislabelled": np.array(wrong, np.uint8),
            "validation_x": x_,
            "validation_y": y_,
        }
    )


def curve() -> FitInfo:
    fit = save({"x": np.linspace(-9, 9, 5, dtype="f4"), "prediction": np.full(5, 1e6, "f4")})
    return fit_info(12, fit, samples([[0.0], [1.0]], [0.0, 2.0], [0, 0]))


def regions() -> FitInfo:
    axis = np.array([0, 1], np.float32)
    fit = save({"x": axis, "y": axis, "probability": np.eye(2, dtype=np.float16)})
    return fit_info(3, fit, samples([[0, 0], [1, 1], [1, 0]], [0, 1, 1], [0, 0, 1]))


def numbers(encoded: dict[str, str]) -> list[float]:
    return list(np.frombuffer(b64decode(encoded["bdata"]), encoded["dtype"]))


def traces(info: FitInfo) -> dict[str, Any]:
    return {trace["name"]: trace for trace in draw_fit(info)["data"]}


def test_a_fitted_curve_is_drawn_with_its_samples() -> None:
    lines = traces(curve())
    assert numbers(lines["Train"]["y"]) == [0, 2]
    assert numbers(lines["Fitted curve"]["y"]) == [1e6] * 5


def test_an_exploding_fit_does_not_stretch_the_axis() -> None:
    low, high = draw_fit(curve())["layout"]["yaxis"]["range"]
    assert -1 < low < 0 < 2 < high < 3


def test_regions_show_each_class_and_the_wrong_labels() -> None:
    lines = traces(regions())
    assert numbers(lines["Train, class 1"]["x"]) == [1, 1]
    assert numbers(lines["Wrong label"]["x"]) == [1]
    assert (
        lines["Train, class 0"]["marker"]["symbol"] != lines["Train, class 1"]["marker"]["symbol"]
    )


def test_descriptions_match_the_drawing() -> None:
    assert curve().description == (
        "Fitted curve after epoch 12, over 2 train points and 2 validation points."
    )
    assert "Decision regions after epoch 3, over 3 train points, 1 of them with a wrong label" in (
        regions().description
    )


def test_a_drawing_can_be_sent_as_json() -> None:
    assert "Boundary" in PlotlyJSONEncoder().encode(draw_fit(regions()))


def values() -> FitInfo:
    axis = np.array([0, 1], np.float32)
    fit = save({"x": axis, "y": axis, "prediction": np.array([[0, 1], [1, 2]], np.float32)})
    sample_arrays = {
        "x": np.array([[0.0, 0], [1, 1]], np.float32),
        "y": np.array([-1, 3], np.float32),
    }
    arrays = {f"{part}_{name}": array for name, array in sample_arrays.items() for part in PARTS}
    return fit_info(3, fit, save(arrays))


def test_values_over_two_inputs_and_samples_share_a_colour_scale() -> None:
    lines = traces(values())
    assert numbers(lines["Fitted value"]["z"]) == [0, 1, 1, 2]
    assert numbers(lines["Train"]["marker"]["color"]) == [-1, 3]
    assert lines["Train"]["marker"]["cmin"] == lines["Fitted value"]["zmin"] < -1


def test_the_picture_of_values_has_a_description() -> None:
    assert values().description == (
        "Fitted values after epoch 3, over 2 train points and 2 validation points."
    )
