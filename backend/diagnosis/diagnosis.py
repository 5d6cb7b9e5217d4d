"""What is wrong with a fit, told from its curve: the first rule that applies gives the verdict."""

from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any, Literal

import numpy as np

from backend.diagnosis import verdicts
from backend.diagnosis.confidence import Sureness, confidence
from backend.diagnosis.curve import Curve, Series
from backend.diagnosis.found import Found
from backend.diagnosis.overconfidence import Finding, over_confident
from backend.diagnosis.shape import Shape

__all__ = ["Diagnosis", "Verdict", "diagnose"]

Verdict = Literal[
    "underfitting",
    "good fit",
    "still improving",
    "overfitting",
    "memorised noise",
    "epoch-wise double descent",
    "unstable",
    "diverged",
    "not assessable",
]

MIN_POINTS = 5  # fewer say nothing about a trend


@dataclass(frozen=True)
class Diagnosis:
    """A verdict with the stable id of the rule that gave it, and what it rests on.

    `sentence` is for a practitioner, `learner` for who meets the words for the first time.
    `findings` are what else was seen; `not_checked` names what could not be looked at, and why.
    """

    verdict: Verdict
    rule: str
    sentence: str
    learner: str
    confidence: Sureness = "high"
    best_step: int | None = None
    onset_step: int | None = None
    evidence: dict[str, float] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)

    @property
    def overfitting(self) -> bool | None:
        """Whether the run overfits; None when that cannot be said."""
        return None if self.verdict == "not assessable" else self.verdict == "overfitting"

    def as_dict(self) -> dict[str, Any]:
        """Return the diagnosis as plain data that JSON can carry."""
        evidence = {name: x if isfinite(x) else None for name, x in self.evidence.items()}
        return {**asdict(self), "evidence": evidence, "overfitting": self.overfitting}


def diagnose(
    curve: Curve,
    *,
    reference_loss: float | None = None,
    accuracy: Series | None = None,
) -> Diagnosis:
    """Diagnose one run.

    `reference_loss` is the validation loss of always giving the same answer (class shares, mean
    target); `accuracy` is that on the validation set. What needs them is not checked without.
    """
    with np.errstate(all="ignore"):  # losses as large as numbers get still have a verdict
        shape = Shape(curve, reference_loss)
        found = verdicts.first_that_applies(shape, MIN_POINTS)
        return _told(found, shape, accuracy)


def _told(found: Found, shape: Shape, accuracy: Series | None) -> Diagnosis:
    curve = shape.curve
    best = int(curve.steps[curve.best]) if len(curve) else None
    overfits = found.verdict == "overfitting"
    onset = int(curve.steps[shape.onset]) if overfits else None
    assessed = len(curve) >= MIN_POINTS
    findings, unchecked = [], _unchecked(shape)
    if overfits and len(set((accuracy or {}).values())) > 1:
        findings = over_confident(shape, accuracy or {}, onset or 0)
    elif overfits:
        what = (
            "validation accuracy never moves" if accuracy else "no validation accuracy is recorded"
        )
        unchecked.append(f"over-confidence: {what}")
    return Diagnosis(
        found.verdict,
        found.rule,
        f"{found.verdict.capitalize()}: {found.practitioner}",
        found.learner,
        confidence(shape, found) if assessed else "low",
        best_step=best,
        onset_step=onset,
        evidence=_evidence(shape) if assessed else {},
        findings=findings,
        not_checked=unchecked if found.verdict != "diverged" else [],
    )


def _unchecked(shape: Shape) -> list[str]:
    found = []
    if shape.reference_loss is None:
        found.append("underfitting: the loss of always giving the same answer is not known")
    if len(shape.curve) < MIN_POINTS:
        found.append(f"trends: fewer than {MIN_POINTS} points with train and validation loss")
    if dropped := shape.curve.dropped:
        found.append(f"{dropped:,} point{'s' * (dropped > 1)} whose loss is no finite number")
    return found


def _evidence(shape: Shape) -> dict[str, float]:
    """Return what was measured: in units of the loss, but for the relative rise and the count."""
    curve, best = shape.curve, shape.curve.best
    return {
        "best_validation_loss": float(curve.validation[best]),
        "train_loss_at_best": float(curve.train[best]),
        "final_validation_loss": float(curve.validation[-1]),
        "final_train_loss": float(curve.train[-1]),
        "generalisation_gap": float(curve.validation[-1] - curve.train[-1]),
        "smoothed_best_validation_loss": shape.reading.low,
        "smoothed_final_validation_loss": shape.reading.end,
        "rise_since_best": shape.relative_rise,
        "rise_that_counts": shape.threshold,
        "noise": shape.noise,
        "steps_after_best": float(len(curve) - 1 - best),
    }
