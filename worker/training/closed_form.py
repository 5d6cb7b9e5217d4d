"""Closed-form training: least squares over polynomial terms or random features, without gradients.

All arithmetic is in float64: near the interpolation threshold the weights are large and cancel each
other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from backend.series import Array
from worker.training.architectures import linear_fit, predict
from worker.training.ensemble import Interrupted, ModelVersion
from worker.training.losses import SQUARED_ERROR
from worker.training.member import GroupMember

BLOCK_NUMBERS = 1 << 22  # feature values computed at once during evaluation, to bound memory


class ClosedForm:
    """An ensemble of one member, whose only epoch computes the solution."""

    def __init__(self, member: GroupMember, device: torch.device) -> None:
        self._member, self._device = member, device
        self.members = [member]
        self._weights: Mapping[str, Tensor] = {}

    def advance(self, interrupted: Callable[[], bool]) -> Tensor:
        """Solve for the weights; return the metrics [1, keys]."""
        if interrupted():
            raise Interrupted
        self._member.epoch += 1
        self._weights = _solution(self._member, self._device)
        return _metrics(self._member, self._weights)[None]

    def outputs(self, features: Mapping[int, Tensor]) -> Tensor:
        """Map the member's features [rows, inputs] to outputs [1, rows, outputs]."""
        return predict(self._member.spec, self._weights, features[0].to(self._device))[None]

    def keep_best(self, positions: Sequence[int]) -> None:
        """Do nothing: the only weights are also the best."""

    def keep(self, positions: Sequence[int]) -> None:
        """Do nothing: there are no other members to remove."""

    def weights(self, position: int, kind: ModelVersion) -> Mapping[str, Tensor]:  # noqa: ARG002
        """Return the weights by name; the last weights are also the best."""
        return self._weights

    def state(self, position: int) -> Mapping[str, Tensor]:  # noqa: ARG002
        """Return everything that is needed to continue with the member."""
        return self._weights

    def load_state(self, position: int, state: Mapping[str, Tensor]) -> None:  # noqa: ARG002
        """Restore the state that `state` returned."""
        self._weights = {name: value.to(self._device) for name, value in state.items()}


def _solution(member: GroupMember, device: torch.device) -> dict[str, Tensor]:
    """Return the weights that fit a member's training set best, and the drawn layer if any."""
    spec, train = member.spec, member.data.train
    features, targets = _on(device, member.features(train.x)), _on(device, member.targets(train.y))
    fit = linear_fit(spec.model.family)
    layer = {name: value.to(device) for name, value in fit.draw_layer(spec).items()}
    fitted = solve(fit.features(layer, features), targets, spec.training.weight_decay)
    return {fit.name: fitted.T.contiguous(), **layer}


def _metrics(member: GroupMember, weights: Mapping[str, Tensor]) -> Tensor:
    """Return a member's metrics in the order of its `metric_keys`."""
    fitted = weights[linear_fit(member.spec.model.family).name]
    means = [
        torch.cat(list(_row_losses(member, weights, part.x, part.y, fitted))).mean(0)
        for part in member.data.parts
    ]
    return torch.cat([torch.stack(means, 1).reshape(-1), fitted.norm().reshape(1)])


def _row_losses(
    member: GroupMember, weights: Mapping[str, Tensor], x: Array, y: Array, fitted: Tensor
) -> Iterator[Tensor]:
    """Yield block by block the loss of each row, and its hit if there are classes [rows, kinds]."""
    size = max(1, BLOCK_NUMBERS // fitted.shape[1])
    for start in range(0, len(x), size):
        features = _on(fitted.device, member.features(x[start : start + size]))
        targets = _on(fitted.device, member.targets(y[start : start + size]))
        outputs = predict(member.spec, weights, features)
        kinds = SQUARED_ERROR.of_rows(outputs.T[None], targets.T[None], member.classifies)
        yield kinds[:, 0].T


def _on(device: torch.device, values: Array) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, device=device)


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
