"""What is wrong with a fit, told from its curve: the first rule that applies gives the verdict."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from math import isfinite
from statistics import median
from typing import Any, Literal

from backend.analysis import divergence
from backend.analysis.curve import Curve

Verdict = Literal[
    "underfitting",
    "good fit",
    "still improving",
    "overfitting",
    "unstable",
    "diverged",
    "not assessable",
]

MIN_POINTS = 5  # fewer say nothing about a trend
RISE = 0.05  # of the best validation loss: what counts as risen
SEVERE_RISE = 0.5
SMALLEST_RISE = 0.02  # of the total fall: below it, a relative rise near loss 0 means nothing
STILL_FALLING = 0.01  # of the total fall, over the last tenth of the run
MEMORISED = 0.05  # of that reference: a train loss near 0
MISSED = 0.2  # of that reference: a validation loss that far from 0 means the pattern is missed
NEAR_REFERENCE = 0.8  # of the loss of always giving the same answer: nothing much was learnt


@dataclass(frozen=True)
class Diagnosis:
    """A verdict with the rule that gave it, one sentence, and the numbers it rests on."""

    verdict: Verdict
    rule: str
    sentence: str
    best_step: int | None = None
    onset_step: int | None = None
    evidence: dict[str, float] = field(default_factory=dict)
    not_checked: list[str] = field(default_factory=list)

    @property
    def overfitting(self) -> bool | None:
        """Whether the run overfits; None when that cannot be said."""
        return None if self.verdict == "not assessable" else self.verdict == "overfitting"

    def as_dict(self) -> dict[str, Any]:
        """Return the diagnosis as plain data that JSON can carry."""
        evidence = {name: x if isfinite(x) else None for name, x in self.evidence.items()}
        return {**asdict(self), "evidence": evidence, "overfitting": self.overfitting}


@dataclass(frozen=True)
class _Reading:
    """The numbers the rules look at, taken once from a curve."""

    curve: Curve
    reference_loss: float | None

    @property
    def window(self) -> int:
        """Points at the end that are taken together: 5 % of them, from 3 to 10."""
        return min(10, max(3, len(self.curve) // 20))

    @property
    def best_loss(self) -> float:
        return self.curve.validation[self.curve.best]

    @property
    def end_loss(self) -> float:
        return median(self.curve.validation[-self.window :])

    @property
    def end_train(self) -> float:
        return median(self.curve.train[-self.window :])

    @property
    def fall(self) -> float:
        return self.curve.validation[0] - self.best_loss

    @property
    def rise(self) -> float:
        return self.end_loss - self.best_loss

    @property
    def points_after_best(self) -> int:
        return len(self.curve) - 1 - self.curve.best

    @property
    def relative_rise(self) -> float:
        return self.rise / max(abs(self.best_loss), 1e-12)


def diagnose(curve: Curve, *, reference_loss: float | None = None) -> Diagnosis:
    """Diagnose one run.

    `reference_loss` is the validation loss of always giving the same answer (class shares, mean
    target); without it underfitting is not checked.
    """
    if exploded := _exploded(curve, reference_loss):
        return exploded
    if len(curve) < MIN_POINTS and curve.broken_at is None:
        return Diagnosis(
            "not assessable",
            "not-assessable.short",
            f"Not assessable: {len(curve)} epochs with train and validation loss, "
            f"at least {MIN_POINTS} are needed.",
            best_step=curve.steps[curve.best] if len(curve) else None,
        )
    reading = _Reading(curve, reference_loss)
    for rule in _RULES:
        if found := rule(reading):
            return found
    raise AssertionError("the last rule always applies")


def _evidence(reading: _Reading) -> dict[str, float]:
    curve = reading.curve
    return {
        "best_validation_loss": reading.best_loss,
        "train_loss_at_best": curve.train[curve.best],
        "final_validation_loss": curve.validation[-1],
        "final_train_loss": curve.train[-1],
        "generalisation_gap": curve.validation[-1] - curve.train[-1],
        "rise_since_best": reading.relative_rise,
        "steps_after_best": float(reading.points_after_best),
    }


def _found(reading: _Reading, verdict: Verdict, rule: str, sentence: str) -> Diagnosis:
    curve = reading.curve
    best = curve.steps[curve.best]
    unchecked = [] if reading.reference_loss is not None else [_NO_REFERENCE]
    return Diagnosis(
        verdict,
        rule,
        f"{verdict.capitalize()}: {sentence}",
        best_step=best,
        onset_step=best if verdict == "overfitting" else None,
        evidence=_evidence(reading),
        not_checked=unchecked,
    )


_NO_REFERENCE = "underfitting: the loss of always giving the same answer is not known"


def _diverged(reading: _Reading) -> Diagnosis | None:
    curve = reading.curve
    if curve.broken_at is None:
        return None
    where = f"a loss is not a finite number at epoch {curve.broken_at}"
    return Diagnosis(
        "diverged",
        "diverged.not-finite",
        f"Diverged: {where}; a smaller learning rate is the first thing to try.",
        best_step=curve.steps[curve.best] if len(curve) else None,
    )


def _exploded(curve: Curve, reference_loss: float | None) -> Diagnosis | None:
    if reference_loss is None or not len(curve):
        return None
    reason = divergence.reason(curve.train[-1], reference_loss)
    if reason is None:
        return None
    return Diagnosis(
        "diverged",
        "diverged.exploded",
        f"Diverged: {reason}; a smaller learning rate is the first thing to try.",
        best_step=curve.steps[curve.best],
    )


def _overfitting(reading: _Reading) -> Diagnosis | None:
    curve, rise = reading.curve, reading.relative_rise
    noticeable = rise > RISE and reading.rise > SMALLEST_RISE * reading.fall
    if reading.points_after_best < reading.window or not noticeable:
        return None
    if reading.end_train > curve.train[curve.best]:
        return None  # train loss rises too: that is not memorising
    severity = "severe" if rise > SEVERE_RISE else "mild"
    return _found(
        reading, "overfitting", f"overfitting.{severity}",
        f"validation loss was lowest at epoch {curve.steps[curve.best]:,} "
        f"({number(reading.best_loss)}) and has risen {rise:.0%} since, to about "
        f"{number(reading.end_loss)}, while train loss fell from "
        f"{number(curve.train[curve.best])} to {number(reading.end_train)}.",
    )  # fmt: skip


def _still_improving(reading: _Reading) -> Diagnosis | None:
    curve = reading.curve
    tenth = max(reading.window, len(curve) // 10)
    if len(curve) < 2 * tenth or reading.points_after_best >= tenth:
        return None
    before = median(curve.validation[-2 * tenth : -tenth])
    recent = before - reading.end_loss
    if recent <= STILL_FALLING * reading.fall:
        return None
    return _found(
        reading, "still improving", "still-improving.falling",
        f"validation loss still falls, by {number(recent)} over the last tenth of the run, to "
        f"{number(reading.best_loss)}; train longer before judging the fit.",
    )  # fmt: skip


def _underfitting(reading: _Reading) -> Diagnosis | None:
    reference = reading.reference_loss
    if reference is None or min(reading.end_train, reading.end_loss) < NEAR_REFERENCE * reference:
        return None
    return _found(
        reading, "underfitting", "underfitting.near-reference",
        f"train loss ends at about {number(reading.end_train)}, close to the {number(reference)} "
        "of always giving the same answer; the model has not captured the pattern, or noise hides "
        "it.",
    )  # fmt: skip


def _memorised(reading: _Reading) -> Diagnosis | None:
    reference = reading.reference_loss
    if reference is None or reading.end_train > MEMORISED * reference:
        return None
    share = reading.end_loss / reference if reference else 0.0
    if share < MISSED:
        return None
    return _found(
        reading, "overfitting", "overfitting.memorised",
        f"train loss has fallen to {number(reading.end_train)} while validation loss stays at "
        f"{number(reading.end_loss)}, {share:.0%} of that of always giving the same answer; the "
        "training data are learnt by heart, not the pattern.",
    )  # fmt: skip


def _unstable(reading: _Reading) -> Diagnosis | None:
    if reading.relative_rise <= RISE or reading.rise <= SMALLEST_RISE * reading.fall:
        return None
    return _found(
        reading, "unstable", "unstable.both-rise",
        f"validation loss ends {reading.relative_rise:.0%} above its best "
        f"({number(reading.best_loss)}) without train loss falling meanwhile; "
        "a smaller learning rate is the first thing to try.",
    )  # fmt: skip


def _good_fit(reading: _Reading) -> Diagnosis:
    curve = reading.curve
    return _found(
        reading, "good fit", "good-fit.settled",
        f"validation loss ends at about {number(reading.end_loss)}, at or near its best "
        f"({number(reading.best_loss)} at epoch {curve.steps[curve.best]:,}); train loss ends at "
        f"about {number(reading.end_train)}.",
    )  # fmt: skip


_RULES: list[Callable[[_Reading], Diagnosis | None]] = [
    _diverged,
    _overfitting,
    _still_improving,
    _memorised,
    _underfitting,
    _unstable,
    _good_fit,
]


def number(value: float) -> str:
    """Write a loss with three significant digits, 0.000 for what is negligible."""
    size = abs(value)
    if size >= 1e6:
        return f"{value:.1e}"
    if size < 5e-4:
        return "0.000"
    return f"{value:#.3g}" if size < 99.95 else f"{value:,.0f}"
