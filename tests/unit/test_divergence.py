"""A diverging run ends alone and does not change the curves of its neighbours."""

import math

import pytest

from backend.diagnosis import Curve, diagnose
from backend.diagnosis.rules import divergence_reason
from tests.specs import run_spec
from worker.training.device import choose_device
from worker.training.group import EpochResult, Group

DEVICE = choose_device()


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, 1.1e6])
def test_a_loss_that_is_not_finite_or_exploded_is_divergence(loss: float) -> None:
    assert divergence_reason(loss, 0.7) is not None


@pytest.mark.parametrize(("loss", "constant"), [(0.0, 0.7), (900_000, 0.0), (1.9e6, 2.0)])
def test_a_large_loss_alone_is_not_divergence(loss: float, constant: float) -> None:
    assert divergence_reason(loss, constant) is None


def test_a_diverging_run_does_not_change_its_neighbours() -> None:
    tame, wild = (
        run_spec("points", model__degree=6, training__learning_rate=rate) for rate in (0.1, 10.0)
    )
    group, alone = Group([wild, tame, wild], DEVICE), Group([tame], DEVICE)
    for _ in range(60):
        [expected] = alone.epoch()
        results = {result.index: result for result in group.epoch()}
        assert isinstance(expected, EpochResult)
        assert isinstance(results[1], EpochResult)
        assert results[1].metrics == expected.metrics
    assert isinstance(results[0], EpochResult)
    assert not math.isfinite(results[0].metrics["train_loss"])


def test_a_short_curve_that_exploded_is_diagnosed_as_diverged() -> None:
    curve = Curve.from_arrays([1, 2], [5.0, 2e6], [5.0, 3e6])
    assert diagnose(curve, reference_loss=0.7).rule == "diverged.exploded"
    assert diagnose(curve).rule == "diverged.exploded"


def test_a_smoothed_loss_is_described_as_smoothed() -> None:
    rising = [1.0] * 10 + [9.0] * 10
    sentence = diagnose(Curve.from_arrays(range(1, 21), rising, rising)).sentence
    assert "train loss, smoothed, ends at about 9.00, far above the 1.00 it began with" in sentence
