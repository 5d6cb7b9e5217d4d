import numpy as np
import pytest
from numpy.polynomial import legendre
from scipy.special import log_softmax

from backend.analysis.grid.bias_variance import cross_entropy, squared

RANDOM = np.random.default_rng(7)
NOISE = 0.5


def ridge(x: np.ndarray, y: np.ndarray, strength: float) -> np.ndarray:
    return np.asarray(np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ y))


def test_ridge_regression_splits_as_its_closed_form() -> None:
    """For fixed inputs: bias = -s (X'X + s)^-1 w, variance = noise^2 |X (X'X + s)^-1 x|^2."""
    n, features, strength, models = 30, 8, 5.0, 400
    x, w = RANDOM.normal(size=(n, features)), RANDOM.normal(size=features)
    asked = RANDOM.normal(size=(200, features))
    fits = [ridge(x, x @ w + NOISE * RANDOM.normal(size=n), strength) for _ in range(models)]
    found = squared(np.array([asked @ fit for fit in fits])[:, :, None], (asked @ w)[:, None])
    inverse = np.linalg.inv(x.T @ x + strength * np.eye(features))
    bias = ((asked @ (strength * inverse @ w)) ** 2).mean()
    variance = NOISE**2 * ((asked @ inverse @ x.T) ** 2).sum(axis=1).mean()
    assert found.bias_se is not None and found.variance_se is not None
    assert abs(found.bias - bias) < 4 * found.bias_se
    assert abs(found.variance - variance) < 4 * found.variance_se


@pytest.mark.parametrize("degree", [1, 3, 9])
def test_bias_variance_and_noise_add_up_to_the_measured_error_of_polynomials(degree: int) -> None:
    x, models = np.linspace(-1, 1, 25), 300
    asked = RANDOM.uniform(-1, 1, size=400)
    truth = np.sin(3 * asked)
    predictions = np.array([
        legendre.legval(
            asked, legendre.legfit(x, np.sin(3 * x) + NOISE * RANDOM.normal(size=25), degree)
        )
        for _ in range(models)
    ])  # fmt: skip
    found = squared(predictions[:, :, None], truth[:, None])
    noisy = truth + NOISE * RANDOM.normal(size=(models, 400))
    errors = ((predictions - noisy) ** 2).mean(axis=1)
    standard_error = errors.std() / models**0.5
    assert abs(found.bias + found.variance + NOISE**2 - errors.mean()) < 4 * standard_error


def test_the_split_of_squared_error_is_exact_for_the_models_at_hand() -> None:
    predictions, targets = RANDOM.normal(size=(5, 40, 3)), RANDOM.normal(size=(40, 3))
    found = squared(predictions, targets)
    assert found.error == pytest.approx(((predictions - targets) ** 2).mean())


def test_the_split_of_cross_entropy_is_exact_for_the_models_at_hand() -> None:
    log_p = log_softmax(3 * RANDOM.normal(size=(5, 40, 4)), axis=2)
    classes = RANDOM.integers(4, size=40)
    found = cross_entropy(log_p, classes)
    assert found.error == pytest.approx(-log_p[:, np.arange(40), classes].mean())
    assert found.variance > 0


def test_cross_entropy_of_gaussian_logits_has_the_expected_variance() -> None:
    """Two classes, logit N(m, s^2): the geometric mean has logit m, KL(f || f_D) is ~ p q s^2/2."""
    m, s = 0.7, 0.1
    logits = m + s * RANDOM.normal(size=(50, 2000))
    log_p = log_softmax(np.stack([np.zeros_like(logits), logits], axis=2), axis=2)
    found = cross_entropy(log_p, np.ones(2000, dtype=int))
    p = 1 / (1 + np.exp(-m))
    assert found.variance == pytest.approx(49 / 50 * p * (1 - p) * s**2 / 2, rel=0.02)
    assert found.bias == pytest.approx(-np.log(p), rel=0.02)


def test_few_models_do_not_bias_the_squared_split() -> None:
    """Pure noise around the target: bias^2 is 0 whatever the number of models."""
    splits = [squared(RANDOM.normal(size=(3, 50, 1)), np.zeros((50, 1))) for _ in range(200)]
    assert np.mean([one.bias for one in splits]) == pytest.approx(0, abs=0.03)
    assert np.mean([one.variance for one in splits]) == pytest.approx(1, rel=0.05)


def test_one_model_has_no_variance_to_tell() -> None:
    with pytest.raises(ValueError, match="at least two models"):
        squared(np.zeros((1, 3, 1)), np.zeros((3, 1)))
