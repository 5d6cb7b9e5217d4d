"""The optimisers. Their update rules are in worker/training/optimizers.py, under the same names."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Optimizer:
    """One optimiser.

    `by_gradients` means that it follows gradients over epochs; otherwise it solves for the best
    weights at once, for families with a closed form. `slots` is how many numbers it keeps for each
    weight. `decays_with` is set if each weight's step is scaled by its own gradients: the name of
    such an optimiser with decoupled weight decay. `settings` are the training settings that only
    some optimisers take, and this one does.
    """

    name: str
    title: str
    slots: int
    by_gradients: bool = True
    decays_with: str | None = None
    settings: tuple[str, ...] = ()


OPTIMIZERS: dict[str, Optimizer] = {
    optimizer.name: optimizer
    for optimizer in (
        Optimizer("sgd", "SGD", slots=1, settings=("momentum",)),
        Optimizer("adam", "Adam", slots=2, decays_with="adamw"),
        Optimizer("adamw", "AdamW", slots=2, decays_with="adamw"),
        Optimizer("closed_form", "Closed form", slots=0, by_gradients=False),
    )
}
"""By name, in the order in which they are offered."""


def gradient_optimizers() -> list[str]:
    """Return the names of the optimisers that follow gradients."""
    return [name for name, optimizer in OPTIMIZERS.items() if optimizer.by_gradients]
