"""Error split into bias and variance, over models trained on resampled training sets.

Squared loss (Geman et al. 1992): E_D ||f_D - y||^2 = ||f - y||^2 + E_D ||f_D - f||^2 with the mean
prediction f. Cross-entropy (Heskes 1998; Yang et al. 2020, eq. 3): E_D CE(y, f_D) = KL(y || f) +
E_D KL(f || f_D) with f the normalised geometric mean. Both identities are exact for the models at
hand; averaged over models and inputs they split the measured error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Terms = tuple[float, float]


@dataclass(frozen=True)
class Split:
    """Bias (squared, or KL), variance and their sum, the mean error; standard errors over seeds."""

    bias: float
    variance: float
    error: float
    bias_se: float | None
    variance_se: float | None
    error_se: float | None
    models: int


def squared(predictions: NDArray[Any], targets: NDArray[Any]) -> Split:
    """Split the squared error of predictions [models, inputs, outputs], two models or more.

    `targets` [inputs, outputs] are noise-free where these are known; else the noise's variance is
    part of the bias. Losses are means over inputs and outputs. Of m models the variance is
    estimated with m - 1, and bias^2 is freed of the m-th part of it that the mean still carries:
    for squares that is exactly what the jackknife corrects.
    """
    return _split(np.asarray(predictions, float), np.asarray(targets, float), _squared)


def cross_entropy(log_probabilities: NDArray[Any], classes: NDArray[Any]) -> Split:
    """Split the cross-entropy of log-probabilities [models, inputs, classes], two models or more.

    `classes` [inputs] are whole numbers. At the m models themselves the variance comes out low by
    about its m-th part, and the bias high by as much: both are corrected to first order by the
    jackknife (Quenouille 1956), m t - (m - 1) mean of t without one model. Their sum stays exact.
    """
    return _split(np.asarray(log_probabilities, float), np.asarray(classes), _cross_entropy)


def _squared(predictions: Array, targets: Array) -> Terms:
    """Return bias squared and variance as they are at these models."""
    mean = predictions.mean(axis=0)
    return float(((mean - targets) ** 2).mean()), float(((predictions - mean) ** 2).mean())


def _cross_entropy(log_p: Array, classes: NDArray[Any]) -> Terms:
    """Return bias and variance as they are at these models."""
    mean = log_p.mean(axis=0)
    top = mean.max(axis=1)
    log_z = top + np.log(np.exp(mean - top[:, None]).sum(axis=1))  # minus the mean KL(f || f_D)
    bias = log_z - mean[np.arange(len(classes)), classes]
    return float(bias.mean()), float(-log_z.mean())


def _split(
    predictions: Array,
    targets: NDArray[Any],
    of: Callable[[Array, NDArray[Any]], Terms],
) -> Split:
    models = len(predictions)
    if models < 2:
        raise ValueError("bias and variance need at least two models")
    left_out = np.array([of(np.delete(predictions, i, axis=0), targets) for i in range(models)])
    all_of_them = np.array(of(predictions, targets))
    bias, variance = models * all_of_them - (models - 1) * left_out.mean(axis=0)
    if models < 3:
        return Split(bias, variance, bias + variance, None, None, None, models)
    table = np.column_stack([left_out, left_out.sum(axis=1)])
    # jackknife (Efron and Stein 1981)
    errors = np.sqrt((models - 1) / models * ((table - table.mean(axis=0)) ** 2).sum(axis=0))
    bias_se, variance_se, error_se = (float(x) for x in errors)
    return Split(bias, variance, bias + variance, bias_se, variance_se, error_se, models)
