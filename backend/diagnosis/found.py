"""What a rule finds, and the ids of all rules."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from backend.diagnosis.shape import Shape

RULES = frozenset({
    "diverged.not-finite", "diverged.validation-not-finite", "diverged.exploded",
    "not-assessable.short", "not-assessable.unreadable", "not-assessable.error",
    "underfitting.no-progress", "underfitting.near-reference",
    "memorised-noise.never-fell", "memorised-noise.near-zero-train",
    "overfitting.mild", "overfitting.severe",
    "double-descent.epoch-wise",
    "unstable.both-rise", "unstable.noisy",
    "still-improving.falling",
    "good-fit.settled",
    "over-confident",
})  # fmt: skip
"""Ids of all rules, also of those that are told beside a verdict or about a log."""


@dataclass(frozen=True)
class Found:
    """A verdict, the id of its rule, and its two sentences (the first goes on after "Verdict: ")"""

    verdict: Any
    rule: str
    practitioner: str
    learner: str


Rule = Callable[[Shape], Found | None]
