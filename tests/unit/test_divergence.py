"""A run that diverges ends alone; its neighbours' curves are untouched."""

import math

import pytest

from backend.diagnosis import Curve, diagnose
from backend.diagnosis.breakdown import divergence_reason
from tests.specs import run_spec
from worker.training.device import choose_device
from worker.training.group import EpochResult, Group

DEVICE = choose_device()


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, 1.1e6])
def test_a_loss_that_is_not_finite_or_exploded_is_a_reason(loss: float) -> None:
    assert divergence_reason(loss, 0.7) is not None


@pytest.mark.parametrize(("loss", "constant"), [(0.0, 0.7), (900_000, 0.0), (1.9e6, 2.0)])
def test_a_large_loss_alone_is_none(loss: float, constant: float) -> None:
    assert divergence_reason(loss, constant) is None


def test_neighbours_of_a_run_that_diverges_are_exact() -> None:
    tame, wild = (
        run_spec("points", model__degree=6, training__learning_rate=rate) for rate in (0.1, 10.0)
    )
    both, alone = Group([wild, tame, wild], DEVICE), Group([tame], DEVICE)
    for _ in range(60):
        [expected] = alone.epoch()
        found = {result.index: result for result in both.epoch()}
        assert isinstance(expected, EpochResult)
        assert isinstance(found[1], EpochResult)
        assert found[1].metrics == expected.metrics
    assert isinstance(found[0], EpochResult)
    assert not math.isfinite(found[0].metrics["train_loss"])


def test_a_curve_that_exploded_is_diagnosed_as_diverged_however_short() -> None:
    curve = Curve.from_arrays([1, 2], [5.0, 2e6], [5.0, 3e6])
    assert diagnose(curve, reference_loss=0.7).rule == "diverged.exploded"
    assert diagnose(curve).verdict == "not assessable"


def test_a_level_that_is_smoothed_is_said_to_be() -> None:
    rising = [1.0] * 10 + [9.0] * 10
    told = diagnose(Curve.from_arrays(range(1, 21), rising, rising)).sentence
    assert "train loss, smoothed, ends at about 9.00, far above the 1.00 it began with" in told
