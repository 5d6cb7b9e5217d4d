"""The loss functions. Their gradients are in worker/training/losses.py, under the same names."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Loss:
    """One loss function.

    Classification can be trained on any of them, regression on squared error. `settings` are the
    training settings that it alone takes.
    """

    name: str
    title: str
    settings: tuple[str, ...] = ()


LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss("cross_entropy", "Cross-entropy", ("label_smoothing",)),
        Loss("mse", "Squared error"),
    )
}
"""By name, in the order in which they are offered."""
