import numpy as np
import pytest
from safetensors.numpy import save

from frontend.charts.weights import draw_weights, weights_info


def network(scale: float) -> bytes:
    """Return a network of two layers with weights from -scale to scale."""
    reach = np.linspace(-scale, scale, 30, dtype=np.float32)
    return save({
        "0.weight": reach.reshape(15, 2), "0.bias": np.zeros(15, np.float32),
        "2.weight": reach.reshape(2, 15), "2.bias": np.zeros(2, np.float32),
    })  # fmt: skip


def test_each_layer_shows_its_weights_at_both_epochs() -> None:
    info = weights_info([("best", 9, network(1.0)), ("last", 150, network(2.0))])
    assert [layer.name for layer in info.layers] == ["layer 1", "output"]
    for layer in info.layers:
        assert layer.spreads[1] == pytest.approx(2 * layer.spreads[0])
        assert [sum(shares) for shares in layer.shares] == pytest.approx([1, 1], abs=1e-3)
    assert "the best epoch (9) and the last epoch (150)" in info.description
    names = [trace["name"] for trace in draw_weights(info)["data"]]
    assert names[:2] == ["layer 1, epoch 9", "layer 1, epoch 150"]
    assert names[-2:] == ["Best epoch, 9", "Last epoch, 150"]


def test_equal_epochs_are_drawn_once() -> None:
    info = weights_info([("best", 7, network(1.0)), ("last", 7, network(1.0))])
    assert info.epochs == [("best", 7)]


def test_only_the_trained_layer_of_random_features_is_shown() -> None:
    ones = np.ones((3, 4))
    info = weights_info([("last", 1, save({"hidden.weight": ones, "output.weight": ones}))])
    assert [layer.name for layer in info.layers] == ["output"]


def test_weights_that_are_not_finite_are_reported() -> None:
    info = weights_info([("last", 5, save({"coefficients": np.full((1, 4), np.nan)}))])
    assert draw_weights(info)["description"] == "No weight is a finite number."
