"""The diagnosis of one run: verdict, sentences, confidence, evidence and findings."""

from dataclasses import asdict, dataclass, field
from math import isfinite
from statistics import fmean
from typing import Literal

import numpy as np

from backend.diagnosis import rules
from backend.diagnosis.advice import advice_on
from backend.diagnosis.curve import Curve
from backend.diagnosis.measurements import SHORT_CURVE_POINTS, CurveShape
from backend.diagnosis.number_format import axis_text, axis_value
from backend.diagnosis.sentences import rise_text
from backend.diagnosis.verdicts import OVER_CONFIDENT, Kind, RuleMatch, Severity, Verdict
from backend.series import Series, generalisation_gap

Confidence = Literal["high", "medium", "low"]

MIN_CONFIDENT_POINTS = 10  # with fewer points the confidence is always low
FEW_POINTS = 5  # with fewer points there is hardly a trend
HIGH_CONFIDENCE_MARGIN, LOW_CONFIDENCE_MARGIN = 2.0, 1.25
TOLERATED_ACCURACY_LOSS = 0.01  # as a share: a smaller fall of accuracy does not count
LARGEST_ACCURACY = 1e6  # a larger value is not an accuracy, in percent or otherwise
LEVEL_SHARE = 20  # accuracy levels are means over a twentieth of the points


@dataclass(frozen=True)
class Finding:
    """An observation next to the verdict, with the id of its rule."""

    rule: str
    sentence: str


@dataclass(frozen=True)
class Diagnosis:
    """A verdict with the stable id of its rule, and the evidence for it.

    `sentence` is for practitioners, `learner` for readers who are new to the terms. `findings` are
    observations next to the verdict. `not_checked` lists what could not be checked, and why. Only
    overfitting has a `kind` and a `severity`. Steps are those of the log.
    """

    verdict: Verdict
    rule: str
    sentence: str
    learner: str
    confidence: Confidence = "high"
    best_step: float | None = None
    onset_step: float | None = None
    evidence: dict[str, float] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    kind: Kind | None = None
    severity: Severity | None = None

    @property
    def advice(self) -> list[str]:
        """Return what to try and why, the most promising first."""
        return [str(advice) for advice in advice_on(self)]

    @property
    def overfitting(self) -> bool | None:
        """Return whether the run overfits, None if the verdict is "not assessable"."""
        if self.verdict == Verdict.NOT_ASSESSABLE:
            return None
        return self.verdict == Verdict.OVERFITTING

    def as_dict(self) -> dict[str, object]:
        """Return the diagnosis as plain data that JSON can hold."""
        evidence = {name: x if isfinite(x) else None for name, x in self.evidence.items()}
        plain = {"verdict": self.verdict.value, "evidence": evidence}
        kind = None if self.kind is None else self.kind.value
        derived = {"overfitting": self.overfitting, "kind": kind, "advice": self.advice}
        return {**asdict(self), **plain, **derived}


def diagnose(
    curve: Curve,
    *,
    reference_loss: float | None = None,
    accuracy: Series | None = None,
    train_accuracy: Series | None = None,
) -> Diagnosis:
    """Diagnose one run.

    `reference_loss` is the validation loss of a constant answer (class shares, mean target) and
    `accuracy` the validation accuracy. Rules that need a missing one are listed in `not_checked`.
    """
    with np.errstate(all="ignore"):  # losses near the largest floats still get a verdict
        shape = CurveShape(curve, reference_loss, _last_accuracies(train_accuracy, accuracy))
        match = rules.first_match(shape)
        return _diagnosis(match, shape, accuracy)


def _last_accuracies(train: Series | None, validation: Series | None) -> tuple[float, float] | None:
    """Return both accuracies at the end as shares, None if one is not known."""
    levels = []
    for series in (train, validation):
        if series is None:
            return None
        values = series.finite.values
        if not len(values) or np.min(values) < 0 or np.max(values) > 100:
            return None
        levels.append(float(np.mean(values[-max(1, len(values) // LEVEL_SHARE) :])))
        levels.append(float(np.max(values)))
    scale = 100.0 if max(levels[1], levels[3]) > 1 else 1.0
    return levels[0] / scale, levels[2] / scale


def _diagnosis(match: RuleMatch, shape: CurveShape, accuracy: Series | None) -> Diagnosis:
    curve = shape.curve
    best = axis_value(curve.steps[curve.best]) if len(curve) else None
    rises = match.kind in (Kind.PAST_BEST, Kind.FROM_START)
    onset = axis_value(curve.steps[shape.onset]) if match.kind and len(curve) > 1 else None
    findings, unchecked = [], _unchecked(shape)
    if rises and accuracy is not None and len(np.unique(accuracy.values)) > 1:
        findings = over_confidence(shape, accuracy, onset or 0)
    elif rises:
        moves = "validation accuracy never moves"
        known = accuracy is not None and len(accuracy)
        unchecked.append(
            f"over-confidence: {moves if known else 'no validation accuracy is recorded'}"
        )
    return Diagnosis(
        match.verdict,
        match.rule,
        f"{match.title.capitalize()}: {match.practitioner}",
        match.learner,
        confidence(shape, match),
        best_step=best,
        onset_step=onset,
        evidence=_evidence(shape) if len(curve) >= rules.MIN_POINTS else {},
        findings=findings,
        not_checked=unchecked if match.verdict != Verdict.DIVERGED else [],
        kind=match.kind,
        severity=match.severity,
    )


def _unchecked(shape: CurveShape) -> list[str]:
    reasons = []
    if shape.reference_loss is None:
        reasons.append("underfitting: the loss of always giving the same answer is not known")
    if 1 < len(shape.curve) < FEW_POINTS:
        reasons.append(
            f"trends: {len(shape.curve)} evaluations show hardly any; 5 raise the confidence, 20 "
            "make it high. Evaluate more often, or train longer"
        )
    if dropped := shape.curve.dropped:
        reasons.append(f"{dropped:,} point{'s' * (dropped > 1)} whose loss is not a finite number")
    return reasons


def _evidence(shape: CurveShape) -> dict[str, float]:
    """Return the measurements, in units of the loss except for the relative rise and the count."""
    curve, best = shape.curve, shape.curve.best
    train, validation = float(curve.train[-1]), float(curve.validation[-1])
    return {
        "best_validation_loss": float(curve.validation[best]),
        "train_loss_at_best": float(curve.train[best]),
        "final_validation_loss": validation,
        "final_train_loss": train,
        "generalisation_gap": generalisation_gap(train, validation) or 0.0,
        "smoothed_best_validation_loss": shape.smoothed.low,
        "smoothed_final_validation_loss": shape.smoothed.end,
        "rise_since_best": shape.relative_rise,
        "rise_that_counts": shape.threshold,
        "noise": shape.noise,
        "steps_after_best": float(len(curve) - 1 - best),
    }


def confidence(shape: CurveShape, match: RuleMatch) -> Confidence:
    """Return how far the measurements are from those that would give another verdict."""
    if match.verdict == Verdict.DIVERGED:
        return "high"
    points = len(shape.curve)
    if points < MIN_CONFIDENT_POINTS or not match.margin >= LOW_CONFIDENCE_MARGIN:
        return "low"
    sure = match.margin > HIGH_CONFIDENCE_MARGIN and points >= SHORT_CURVE_POINTS
    return "high" if sure else "medium"


def over_confidence(shape: CurveShape, accuracy: Series, onset: float) -> list[Finding]:
    """Return the finding that loss overfits while accuracy does not (Guo et al. 2017).

    The finding applies unless accuracy at the end is lower than at `onset`, the step from which
    validation loss rises. Values that cannot be an accuracy are ignored.
    """
    known = accuracy.take(np.flatnonzero(np.abs(accuracy.values) <= LARGEST_ACCURACY))
    values = known.values.tolist()
    reach = max(1, round(len(values) / LEVEL_SHARE))
    if len(values) < 2 * reach:
        return []
    at_onset = max(0, int(known.steps.searchsorted(onset, side="right")) - 1)
    before = fmean(values[max(0, at_onset - reach // 2) : at_onset + reach // 2 + 1])
    after = fmean(values[-reach:])
    if after < before - TOLERATED_ACCURACY_LOSS * max(1.0, before):  # accuracies may be percentages
        return []
    return [
        Finding(
            OVER_CONFIDENT,
            f"Over-confident: while validation loss rose {rise_text(shape)}, validation "
            f"accuracy went from {before:.3g} at {shape.unit} {axis_text(onset)} to {after:.3g}; "
            "the predictions did not get worse, only too certain.",
        )
    ]
