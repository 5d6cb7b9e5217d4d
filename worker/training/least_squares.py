"""Linear least squares in closed form."""

import torch
from torch import Tensor


def solve(features: Tensor, targets: Tensor, weight_decay: float) -> Tensor:
    """Return the weights [features, outputs] that make squared error and weight decay smallest.

    What is made small is what SGD descends: the mean of the squares of `features` [n, features]
    times the weights less `targets` [n, outputs], plus half of `weight_decay` times the sum of the
    squared weights. Without weight decay, of all the weights that fit equally well, those of the
    smallest norm: the limit of gradient descent from 0.

    With features = U S V', the weights are V diag(s / (s^2 + l)) U' targets (Hastie, Tibshirani
    and Friedman 2009, eq. 3.47), where l is the weight decay times half the number of targets.
    Singular values that cannot be told from 0 are left out, as numpy.linalg.lstsq does.
    """
    left, values, right = _decompose(features)
    cutoff = values.max() * max(features.shape) * torch.finfo(features.dtype).eps
    ridge = weight_decay * targets.numel() / 2
    factors = torch.where(values > cutoff, values / (values.square() + ridge), 0.0)
    return right @ (factors[:, None] * (left.T @ targets))


def _decompose(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return U [n, k], s [k] and V [features, k] with features = U diag(s) V'.

    Only a square of the smaller side is decomposed, after a QR of the larger.
    """
    n, width = features.shape
    orthogonal, square = torch.linalg.qr(features if n >= width else features.T)
    inner, values, others = torch.linalg.svd(square)
    long, short = orthogonal @ inner, others.T
    return (long, values, short) if n >= width else (short, values, long)
