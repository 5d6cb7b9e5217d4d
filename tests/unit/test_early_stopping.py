"""The patience rule, as Keras defines it."""

from hypothesis import given
from hypothesis import strategies as st

from backend.analysis import Patience, early_stop_step

losses = st.lists(st.floats(allow_nan=True, allow_infinity=False), max_size=40)


def stop(values: list[float], rule: Patience) -> int | None:
    return early_stop_step(rule, enumerate(values, start=1))


def test_fires_after_patience_epochs_without_improvement() -> None:
    assert stop([3, 2, 1, 1.5, 1.4, 1.3], Patience(2)) == 5


def test_equal_loss_is_no_improvement() -> None:
    assert stop([1, 1, 1], Patience(2)) == 3


def test_a_fall_of_min_delta_or_less_is_no_improvement() -> None:
    falling = [1.0, 0.75, 0.5, 0.25]
    assert stop(falling, Patience(2, min_delta=0.5)) == 3
    assert stop(falling, Patience(2, min_delta=0.2)) is None


def test_nan_is_no_improvement() -> None:
    assert stop([1, float("nan"), float("nan")], Patience(2)) == 3


def test_epochs_up_to_start_are_not_looked_at() -> None:
    assert stop([0, 5, 5, 5], Patience(2, start_from_epoch=1)) == 4


def keras_stop(values: list[float], patience: int, min_delta: float) -> int | None:
    """Replay keras.callbacks.EarlyStopping(mode="min") as its documentation states it."""
    best, wait = None, 0
    for epoch, loss in enumerate(values, start=1):
        wait += 1
        if best is None or loss < best - min_delta:
            best, wait = loss, 0
        elif wait >= patience:
            return epoch
    return None


@given(
    st.lists(st.integers(-8, 8).map(float), max_size=40),
    st.integers(1, 6),
    st.sampled_from([0.0, 1.0, 2.0]),
)
def test_agrees_with_keras(values: list[float], patience: int, min_delta: float) -> None:
    assert stop(values, Patience(patience, min_delta)) == keras_stop(values, patience, min_delta)


@given(losses, st.integers(1, 6))
def test_more_patience_never_fires_earlier(values: list[float], patience: int) -> None:
    soon, late = stop(values, Patience(patience)), stop(values, Patience(patience + 1))
    assert late is None or (soon is not None and soon < late)
