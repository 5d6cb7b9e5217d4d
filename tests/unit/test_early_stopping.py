"""Early-stopping criteria, compared with the libraries and definitions they come from."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.diagnosis.stopping_rules import (
    CRITERIA,
    Criterion,
    GeneralisationLoss,
    Patience,
    ProgressQuotient,
    SuccessiveRises,
    build,
    early_stop_step,
)

LIBRARIES = json.loads((Path(__file__).parents[1] / "data" / "early_stopping.json").read_text())

losses = st.lists(st.floats(allow_nan=True, allow_infinity=False), max_size=40)
positive = st.floats(0.0625, 64, width=16)
pairs = st.lists(st.tuples(positive, positive), max_size=60)


def stop(rule: Criterion, validation: list[float], train: list[float] | None = None) -> int | None:
    train = train or [1.0] * len(validation)
    return early_stop_step(
        rule,
        ((e, t, v) for e, (t, v) in enumerate(zip(train, validation, strict=True), start=1)),
    )


def test_patience_fires_after_that_many_epochs_without_improvement() -> None:
    assert stop(Patience(2), [3, 2, 1, 1.5, 1.4, 1.3]) == 5


def test_equal_loss_and_nan_do_not_improve() -> None:
    assert stop(Patience(2), [1, 1, 1]) == 3
    assert stop(Patience(2), [math.nan, 1, math.nan, math.nan]) == 4


@pytest.mark.parametrize("case", LIBRARIES["cases"])
def test_patience_agrees_with_keras(case: dict[str, Any]) -> None:
    rule = Patience(**case["keras"]["settings"])
    assert stop(rule, list(map(float, case["values"]))) == case["keras"]["stop"]
    assert rule.best_epoch == case["keras"]["restored"]


@pytest.mark.parametrize("case", LIBRARIES["cases"])
def test_patience_agrees_with_lightning(case: dict[str, Any]) -> None:
    rule = Patience(**case["lightning"]["settings"])
    assert stop(rule, list(map(float, case["values"]))) == case["lightning"]["stop"]


@given(losses, st.integers(1, 6))
def test_more_patience_never_fires_earlier(values: list[float], patience: int) -> None:
    soon, late = stop(Patience(patience), values), stop(Patience(patience + 1), values)
    assert late is None or (soon is not None and soon < late)


def gl(v: list[float], e: int) -> float:
    return 100 * (v[e - 1] / min(v[:e]) - 1)


def progress(t: list[float], e: int, k: int) -> float:
    strip = t[e - k : e]
    return 1000 * (sum(strip) / (k * min(strip)) - 1)


def up(v: list[float], e: int, s: int, k: int) -> bool:
    """Prechelt's recursive definition of UP_s over strips."""
    if e - k < 1 or v[e - 1] <= v[e - k - 1]:
        return False
    return s == 1 or up(v, e - k, s - 1, k)


def first(epochs: range, fires: Any) -> int | None:
    return next((e for e in epochs if fires(e)), None)


@given(pairs, st.sampled_from([1.0, 5.0, 20.0]))
def test_gl_fires_as_defined(curve: list[tuple[float, float]], alpha: float) -> None:
    v = [pair[1] for pair in curve]
    expected = first(range(1, len(v) + 1), lambda e: gl(v, e) > alpha)
    assert stop(GeneralisationLoss(alpha), v) == expected


@given(pairs, st.sampled_from([0.1, 0.75, 3.0]), st.integers(2, 6))
def test_pq_fires_as_defined(curve: list[tuple[float, float]], alpha: float, k: int) -> None:
    t, v = [pair[0] for pair in curve], [pair[1] for pair in curve]

    def fires(e: int) -> bool:
        moves = progress(t, e, k)
        return gl(v, e) / moves > alpha if moves else gl(v, e) > 0

    expected = first(range(k, len(v) + 1, k), fires)
    assert stop(ProgressQuotient(alpha, k), v, t) == expected


@given(pairs, st.integers(1, 3), st.integers(1, 6))
def test_up_fires_as_defined(curve: list[tuple[float, float]], s: int, k: int) -> None:
    v = [pair[1] for pair in curve]
    expected = first(range(k, len(v) + 1, k), lambda e: up(v, e, s, k))
    assert stop(SuccessiveRises(s, k), v) == expected


def test_generalisation_loss_is_defined_for_losses_at_or_below_zero() -> None:
    assert stop(GeneralisationLoss(50), [-1.0, -2.0, -1.5, -0.9]) == 4
    assert stop(GeneralisationLoss(50), [1.0, 0.0, 0.0, 0.1]) == 4


settings: dict[str, dict[str, float]] = {
    "patience": {"patience": 3},
    "gl": {"alpha": 5.0},
    "pq": {"alpha": 0.5},
    "up": {"strips": 2},
}


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=80), st.sampled_from([*CRITERIA]))
def test_a_criterion_fires_at_the_same_epoch_live_and_replayed(
    curve: list[tuple[float, float]], name: Any
) -> None:
    online = build(name, **settings[name])
    fired = [e for e, pair in enumerate(curve, start=1) if online.update(e, *pair)]
    replayed = stop(
        build(name, **settings[name]), [pair[1] for pair in curve], [pair[0] for pair in curve]
    )
    assert replayed == (fired[0] if fired else None)
