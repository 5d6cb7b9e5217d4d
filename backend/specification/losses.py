"""The loss functions. Their gradients are in worker/training/losses.py, under the same names."""

from dataclasses import dataclass

from backend.specification.sources import Problem


@dataclass(frozen=True)
class Loss:
    """One loss function.

    `problems` are the types of problem that it is for. `settings` are the training settings that it
    alone takes. `in_prose` is its name within a sentence.
    """

    name: str
    title: str
    in_prose: str
    problems: tuple[Problem, ...]
    settings: tuple[str, ...] = ()


LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss(
            "cross_entropy",
            "Cross-entropy",
            "cross-entropy",
            ("classification",),
            ("label_smoothing",),
        ),
        Loss("mse", "Squared error", "squared error", ("regression", "classification")),
    )
}
"""By name, in the order in which they are offered."""
