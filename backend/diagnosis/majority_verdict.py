"""What the diagnosis says of runs that differ only in their seed, taken together."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

OVER_CONFIDENT = "over-confident"

WORST_FIRST = (
    "overfitting", "memorised noise", OVER_CONFIDENT, "diverged", "unstable", "underfitting",
    "epoch-wise double descent", "still improving", "not assessable", "good fit",
)  # fmt: skip
"""Verdicts by how much they need a remedy; a good fit needs none."""


@dataclass(frozen=True)
class Prevailing:
    """The verdict of runs: `amount` of the `of` that have one share it."""

    verdict: str
    amount: int
    of: int

    def __str__(self) -> str:
        """Write the verdict, with how many share it where not all do."""
        shared = "" if self.amount == self.of else f" {self.amount} of {self.of}"
        return f"{self.verdict}{shared}"


def prevailing(verdicts: Iterable[str | None]) -> Prevailing | None:
    """Return the verdict of more than half, else the worst of all; None without any.

    A good fit of one seed must not hide what went wrong with the other.
    """
    found = Counter(verdict for verdict in verdicts if verdict)
    if not found:
        return None
    verdict, amount = found.most_common(1)[0]
    if 2 * amount <= found.total():
        verdict = min(found, key=urgency)
    return Prevailing(verdict, found[verdict], found.total())


def urgency(verdict: str) -> int:
    """Return the place of a verdict among all, the worst first; an unknown one is last."""
    return WORST_FIRST.index(verdict) if verdict in WORST_FIRST else len(WORST_FIRST)
