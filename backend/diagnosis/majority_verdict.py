"""The verdict on several runs that differ only in their seed, taken together."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from backend.diagnosis.verdicts import FACTS


@dataclass(frozen=True)
class Majority:
    """The verdict shared by `amount` of the `of` runs that have a verdict."""

    verdict: str
    amount: int
    of: int

    def __str__(self) -> str:
        """Write the verdict, followed by how many runs share it unless all do."""
        shared = "" if self.amount == self.of else f" {self.amount} of {self.of}"
        return f"{self.verdict}{shared}"


def majority_verdict(verdicts: Iterable[str | None]) -> Majority | None:
    """Return the verdict of more than half of the runs, else the most severe; None without any.

    A good fit of one seed must not hide what went wrong with the other.
    """
    counts = Counter(verdict for verdict in verdicts if verdict)
    if not counts:
        return None
    verdict, amount = counts.most_common(1)[0]
    if 2 * amount <= counts.total():
        verdict = max(counts, key=severity)
    return Majority(verdict, counts[verdict], counts.total())


def severity(name: str) -> int:
    """Return how much a verdict needs a remedy, -1 for one of an older release."""
    facts = FACTS.get(name)
    return -1 if facts is None else facts.severity
