"""Linear least squares in closed form."""

import torch
from torch import Tensor


def solve(features: Tensor, targets: Tensor, weight_decay: float) -> Tensor:
    """Return the weights [features, outputs] that minimise squared error plus weight decay.

    The objective is that of SGD: the mean of the squared entries of `features` [n, features] @
    weights - `targets` [n, outputs], plus half of `weight_decay` times the sum of the squared
    weights. Without weight decay many weights may fit equally well. The solution is then that of
    smallest norm, which is also the limit of gradient descent from 0.

    With features = U S V', the weights are V diag(s / (s^2 + l)) U' targets (Hastie, Tibshirani and
    Friedman 2009, eq. 3.47), where l is the weight decay times half the number of target values.
    Singular values that are numerically 0 are left out, as in numpy.linalg.lstsq.
    """
    left, values, right = _decompose(features)
    cutoff = values.max() * max(features.shape) * torch.finfo(features.dtype).eps
    ridge = weight_decay * targets.numel() / 2
    factors = torch.where(values > cutoff, values / (values.square() + ridge), 0.0)
    return right @ (factors[:, None] * (left.T @ targets))


def _decompose(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return U [n, k], s [k] and V [features, k] with features = U diag(s) V'.

    A QR decomposition first reduces the matrix to a square of its smaller side, whose SVD is cheap.
    """
    n, width = features.shape
    orthogonal, square = torch.linalg.qr(features if n >= width else features.T)
    inner, values, others = torch.linalg.svd(square)
    long, short = orthogonal @ inner, others.T
    return (long, values, short) if n >= width else (short, values, long)
