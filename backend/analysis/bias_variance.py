"""Split of a prediction error into bias and variance, over models with resampled training sets.

Squared loss (Geman et al. 1992): E_D ||f_D - y||^2 = ||f - y||^2 + E_D ||f_D - f||^2 with the mean
prediction f. Cross-entropy (Heskes 1998; Yang et al. 2020, eq. 3): E_D CE(y, f_D) = KL(y || f) +
E_D KL(f || f_D) with f the normalised geometric mean. Both identities are exact for the given
models; averaged over models and inputs they split the measured error.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backend.series import FloatArray

Targets = NDArray[np.float64] | NDArray[np.int64]
Terms = tuple[float, float]
"""Bias and variance."""


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


def squared(predictions: ArrayLike, targets: ArrayLike) -> Split:
    """Split the squared error of predictions [models, inputs, outputs].

    `targets` [inputs, outputs] are free of noise if the noise is known; otherwise the variance of
    the noise is part of the bias. Losses are means over inputs and outputs. The variance of m
    models is estimated with m - 1, and bias^2 is corrected for the m-th part of it that the mean
    still contains: for squares, the jackknife makes the same correction. Raises ValueError for
    fewer than two models.
    """
    return _split(np.asarray(predictions, float), np.asarray(targets, float), _squared)


def cross_entropy(log_probabilities: ArrayLike, classes: ArrayLike) -> Split:
    """Split the cross-entropy of log-probabilities [models, inputs, classes].

    `classes` [inputs] are whole numbers. Uncorrected, the variance of m models is too low by about
    its m-th part and the bias too high by as much. The jackknife (Quenouille 1956), m t - (m - 1)
    mean of t without one model, corrects both to first order; their sum stays exact. Raises
    ValueError for fewer than two models.
    """
    return _split(np.asarray(log_probabilities, float), np.asarray(classes), _cross_entropy)


def _squared(predictions: FloatArray, targets: Targets) -> Terms:
    """Return bias squared and variance of these models, uncorrected."""
    mean = predictions.mean(axis=0)
    return float(((mean - targets) ** 2).mean()), float(((predictions - mean) ** 2).mean())


def _cross_entropy(log_p: FloatArray, classes: Targets) -> Terms:
    """Return bias and variance of these models, uncorrected."""
    mean = log_p.mean(axis=0)
    top = mean.max(axis=1)
    log_z = top + np.log(np.exp(mean - top[:, None]).sum(axis=1))  # minus the mean KL(f || f_D)
    bias = log_z - mean[np.arange(len(classes)), classes]
    return float(bias.mean()), float(-log_z.mean())


def _split(
    predictions: FloatArray, targets: Targets, terms: Callable[[FloatArray, Targets], Terms]
) -> Split:
    models = len(predictions)
    if models < 2:
        raise ValueError("bias and variance need at least two models")
    left_out = np.array([terms(np.delete(predictions, i, axis=0), targets) for i in range(models)])
    of_all = np.array(terms(predictions, targets))
    bias, variance = models * of_all - (models - 1) * left_out.mean(axis=0)
    if models < 3:
        return Split(bias, variance, bias + variance, None, None, None, models)
    table = np.column_stack([left_out, left_out.sum(axis=1)])
    # Standard errors of the jackknife (Efron and Stein 1981).
    errors = np.sqrt((models - 1) / models * ((table - table.mean(axis=0)) ** 2).sum(axis=0))
    bias_se, variance_se, error_se = (float(x) for x in errors)
    return Split(bias, variance, bias + variance, bias_se, variance_se, error_se, models)
