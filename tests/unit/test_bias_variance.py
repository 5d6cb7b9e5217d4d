import numpy as np
import pytest
from numpy.polynomial import legendre
from scipy.special import log_softmax

from backend.analysis.bias_variance import cross_entropy, squared

RANDOM = np.random.default_rng(7)
NOISE = 0.5
TRIALS = 200
# Of standard normal errors, 68 and 95 % are within 1 and 2 standard errors. The limits allow for
# three binomial standard deviations with 200 trials: 10 and 5 percentage points.
WITHIN = {1: (0.58, 0.78), 2: (0.90, 0.996)}


def assert_calibrated(errors: np.ndarray) -> None:
    """Check that errors [trials], in units of their standard error, are standard normal."""
    assert abs(errors.mean()) < 3 / len(errors) ** 0.5
    for deviations, (low, high) in WITHIN.items():
        assert low < np.mean(abs(errors) < deviations) < high


def test_split_of_ridge_regression_matches_its_closed_form() -> None:
    """For fixed inputs: bias = -s (X'X + s)^-1 w, variance = noise^2 |X (X'X + s)^-1 x|^2."""
    n, features, strength, models = 30, 8, 5.0, 40
    x, w = RANDOM.normal(size=(n, features)), RANDOM.normal(size=features)
    inputs = RANDOM.normal(size=(50, features))
    inverse = np.linalg.inv(x.T @ x + strength * np.eye(features))
    bias = ((inputs @ (strength * inverse @ w)) ** 2).mean()
    variance = NOISE**2 * ((inputs @ inverse @ x.T) ** 2).sum(axis=1).mean()
    targets = x @ w + NOISE * RANDOM.normal(size=(TRIALS, models, n))
    predictions = (targets @ x @ inverse @ inputs.T)[..., None]
    splits = [squared(split, (inputs @ w)[:, None]) for split in predictions]
    assert_calibrated(np.array([(split.bias - bias) / (split.bias_se or 0) for split in splits]))
    assert_calibrated(
        np.array([(split.variance - variance) / (split.variance_se or 0) for split in splits])
    )


@pytest.mark.parametrize("degree", [1, 3, 9])
def test_bias_variance_and_noise_add_up_to_the_error_of_polynomials(degree: int) -> None:
    """Compare with the measured error of other models on noisy targets."""
    x, models = np.linspace(-1, 1, 25), 30
    inputs = RANDOM.uniform(-1, 1, size=50)
    truth = np.sin(3 * inputs)
    targets = np.sin(3 * x) + NOISE * RANDOM.normal(size=(TRIALS, 2, models, 25))
    hat = legendre.legvander(inputs, degree) @ np.linalg.pinv(legendre.legvander(x, degree))
    errors = []
    for split, other_models in targets @ hat.T:
        estimate = squared(split[..., None], truth[:, None])
        noisy = truth + NOISE * RANDOM.normal(size=(models, 50))
        measured = ((other_models - noisy) ** 2).mean(axis=1)
        standard_error = np.hypot(estimate.error_se or 0, measured.std(ddof=1) / models**0.5)
        errors.append((measured.mean() - estimate.error - NOISE**2) / standard_error)
    assert_calibrated(np.array(errors))


def test_split_of_squared_error_is_exact_for_the_given_models() -> None:
    predictions, targets = RANDOM.normal(size=(5, 40, 3)), RANDOM.normal(size=(40, 3))
    split = squared(predictions, targets)
    assert split.error == pytest.approx(((predictions - targets) ** 2).mean())


def test_split_of_cross_entropy_is_exact_for_the_given_models() -> None:
    log_p = log_softmax(3 * RANDOM.normal(size=(5, 40, 4)), axis=2)
    classes = RANDOM.integers(4, size=40)
    split = cross_entropy(log_p, classes)
    assert split.error == pytest.approx(-log_p[:, np.arange(40), classes].mean())
    assert split.variance > 0


def test_cross_entropy_of_gaussian_logits_has_the_expected_variance() -> None:
    """Two classes, logit N(m, s^2): the geometric mean has logit m, KL(f || f_D) is ~ p q s^2/2."""
    m, s = 0.7, 0.1
    logits = m + s * RANDOM.normal(size=(50, 2000))
    log_p = log_softmax(np.stack([np.zeros_like(logits), logits], axis=2), axis=2)
    split = cross_entropy(log_p, np.ones(2000, dtype=int))
    p = 1 / (1 + np.exp(-m))
    assert split.variance == pytest.approx(p * (1 - p) * s**2 / 2, rel=0.02)
    assert split.bias == pytest.approx(-np.log(p), rel=0.02)


def test_split_of_squared_error_is_unbiased_with_few_models() -> None:
    """Use pure noise around the target: bias^2 is 0 for any number of models."""
    splits = [squared(RANDOM.normal(size=(3, 50, 1)), np.zeros((50, 1))) for _ in range(200)]
    assert np.mean([split.bias for split in splits]) == pytest.approx(0, abs=0.03)
    assert np.mean([split.variance for split in splits]) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("models", [2, 3, 5])
def test_split_of_cross_entropy_is_unbiased_with_few_models(models: int) -> None:
    """Without correction, the variance of three models would be a third too low."""
    log_p = log_softmax(RANDOM.normal(loc=[1, 0, -1], size=(models, 10_000, 3)), axis=2)
    split = cross_entropy(log_p, np.zeros(10_000, dtype=int))
    mean = log_p.mean(axis=(0, 1))  # over all models and inputs
    assert split.variance == pytest.approx(-np.log(np.exp(mean).sum()), rel=0.1)
    assert split.error == pytest.approx(-log_p[..., 0].mean())


def test_a_split_needs_at_least_two_models() -> None:
    with pytest.raises(ValueError, match="at least two models"):
        squared(np.zeros((1, 3, 1)), np.zeros((3, 1)))
