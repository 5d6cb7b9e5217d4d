"""The rules of diagnosis, in order. The first rule that applies gives the verdict.

Each rule takes the shape of a curve and returns a `RuleMatch`, or None. The thresholds are in
`thresholds`; docs/diagnosis.md shows how well the verdicts agree with people, and with one line
of code.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from backend.diagnosis import sentences
from backend.diagnosis.descent import second_descent
from backend.diagnosis.measurements import SHORT_CURVE_POINTS, CurveShape, fitted_line
from backend.diagnosis.thresholds import (
    EXPLODED,
    FALLING_OF_LOSS,
    FALLING_OF_SPAN,
    FITTED_TRAIN,
    GAP_OF_ACCURACY,
    GAP_OF_SPAN,
    GAP_RATIO,
    HARDLY_MOVED,
    LEARNT,
    MEMORISED_TRAIN,
    MODERATE_RISE,
    NEAR_CHANCE,
    SEVERE_GAP,
    SEVERE_RISE,
    UNSTABLE_NOISE,
)
from backend.diagnosis.verdicts import Kind, RuleMatch, Severity

EXPLOSION_FACTOR = 1e6  # train loss over the reference at which the worker ends a run
MIN_POINTS = 2  # fewer points show nothing about training
NEGLIGIBLE_CHANGE = 0.02  # relative change of a loss that counts as no change
CLOSING_SHARE = 0.25  # of the gap: validation loss that falls more ahead may close it
UNCHANGED = 0.01  # relative change of a loss that counts as equal to the first
HELD_SHARE = 0.1  # a loss that stayed at its best for this share of the run did not rise at once
FALLING_ERRORS = 2.2  # standard errors of a slope that a fall must exceed

Rule = Callable[[CurveShape], RuleMatch | None]


def first_match(shape: CurveShape) -> RuleMatch:
    """Return the verdict of the first rule that applies to a curve."""
    if shape.curve.broken_at is not None:
        if not shape.curve.train_goes_on:
            return sentences.not_finite(shape)
        before = first_match(replace(shape, curve=replace(shape.curve, broken_at=None)))
        return sentences.validation_not_finite(shape, before)
    if len(shape.curve) and (reason := _explosion(shape)):
        return sentences.exploded(reason)
    if len(shape.curve) < MIN_POINTS:
        return _few_points(shape)
    return next(match for rule in RULES_IN_ORDER if (match := rule(shape)))


def _few_points(shape: CurveShape) -> RuleMatch:
    """Judge a model solved in one step, which has one point, by its losses alone."""
    if len(shape.curve) == 1:
        for rule in (_near_reference, _gap):
            if match := rule(shape):
                return match
    return sentences.too_short(shape)


def _explosion(shape: CurveShape) -> str | None:
    """Describe how train loss exploded: above the worker's bound, or far above its own start."""
    train, reference = shape.curve.train, shape.reference_loss
    if reference is not None and (reason := divergence_reason(float(train[-1]), reference)):
        return reason
    first, end = float(train[0]), shape.train_end
    grew = end - first > EXPLODED * max(abs(first), shape.train_fall)
    if len(train) < MIN_POINTS or not grew or shape.smoothed.end < shape.curve.validation[0]:
        return None
    return sentences.explosion(first, end)


def divergence_reason(train_loss: float, constant_loss: float) -> str | None:
    """Return why a run in training has diverged, None if it has not.

    A run has diverged when its train loss is not finite, or exceeds EXPLOSION_FACTOR times the loss
    of a constant answer (`constant_loss`, at least 1). No reasonable step leads back from there.
    """
    if not math.isfinite(train_loss):
        return "train loss is not finite"
    if train_loss > EXPLOSION_FACTOR * max(constant_loss, 1.0):
        return f"train loss is {train_loss:.2g}, over a million times that of a constant answer"
    return None


def _flat(shape: CurveShape) -> RuleMatch | None:
    t, v = shape.curve.train, shape.curve.validation
    moved = max(_moved(t, shape.train_noise), _moved(v, shape.noise))
    return None if moved > NEGLIGIBLE_CHANGE else sentences.flat(shape)


def _moved(values: np.ndarray, noise: float) -> float:
    """Return the range of values beyond their noise, relative to the largest of them."""
    size, whole = float(np.abs(values).max()), float(values.max() - values.min())
    hidden = min(6 * noise, whole / 2) if len(values) >= SHORT_CURVE_POINTS else 0.0
    return (whole - hidden) / size if size else 0.0


def validation_rises(shape: CurveShape) -> bool:
    """Return whether validation loss rose for good: materially, lastingly and beyond its noise."""
    if shape.points_after < shape.least_points_after or shape.rise <= shape.threshold:
        return False
    if shape.rise <= shape.noise_of_rise:
        return False
    near = np.flatnonzero(shape.smoothed.values <= shape.smoothed.low + shape.rise / 4)
    return len(shape.smoothed.values) - 1 - int(near[-1]) >= shape.least_points_after


def _learnt(shape: CurveShape) -> bool:
    """Return whether train loss fell: overfitting needs something learnt."""
    least = max(LEARNT * abs(float(shape.curve.train[0])), 3 * shape.train_noise)
    return float(shape.curve.train[0]) - shape.train_end > least


def _overfitting(shape: CurveShape) -> RuleMatch | None:
    if not validation_rises(shape) or shape.train_rises or not _learnt(shape):
        return None
    margin = shape.rise / max(shape.threshold, shape.noise_of_rise, 1e-300)
    kind = _kind_of_rise(shape)
    if kind is Kind.MEMORISED:
        return sentences.memorised(shape, margin)
    return sentences.rise(shape, kind, _severity_of_rise(shape), margin)


def _kind_of_rise(shape: CurveShape) -> Kind:
    if _never_better_than_chance(shape):
        return Kind.MEMORISED
    first, low = float(shape.curve.validation[0]), float(shape.curve.validation.min())
    best_at_first = shape.onset == 0 or first - low <= UNCHANGED * abs(first)
    held = shape.onset > max(2, HELD_SHARE * len(shape.curve))
    learnt_before = shape.reference_loss is not None and first < 0.8 * shape.reference_loss
    start = best_at_first and not held and not (learnt_before and shape.onset > 0)
    return Kind.FROM_START if start else Kind.PAST_BEST


def _never_better_than_chance(shape: CurveShape) -> bool:
    """Return whether train loss went to nearly zero while validation loss never left chance."""
    first_train, first = float(shape.curve.train[0]), float(shape.curve.validation[0])
    known = shape.reference_loss
    chance = first_train if known is None else known
    if chance <= 0 or shape.train_end > MEMORISED_TRAIN * max(chance, first_train):
        return False
    low = float(shape.curve.validation.min())
    left_start = known is None and low < (1 - LEARNT) * first
    return shape.smoothed.low >= NEAR_CHANCE * chance and not left_start


def _severity_of_rise(shape: CurveShape) -> Severity:
    seen = shape.rise / max(shape.span, 1e-300)
    if min(shape.relative_rise, seen) < MODERATE_RISE:
        return "mild"
    return "severe" if shape.relative_rise > SEVERE_RISE else "moderate"


def _gap(shape: CurveShape) -> RuleMatch | None:
    """Judge a gap that settled, by the losses or by the accuracies."""
    share, of_accuracy = _gap_share(shape), _gap_of_accuracy(shape)
    by_loss = share / GAP_OF_SPAN
    margin = max(by_loss, of_accuracy / GAP_OF_ACCURACY)
    if margin < 1 or (_falls_ahead(shape) or 0.0) > CLOSING_SHARE * max(shape.gap, 0.0):
        return None
    if _never_better_than_chance(shape):
        return sentences.memorised(shape, margin)
    severe = share > SEVERE_GAP or of_accuracy > 2 * GAP_OF_ACCURACY
    severity: Severity = "severe" if severe else "mild" if margin < 2 else "moderate"
    return sentences.gap(shape, severity, margin)


def _gap_share(shape: CurveShape) -> float:
    """Return the gap as a share of the span, 0 unless train loss is low and validation loss far."""
    span, first = shape.span, float(shape.curve.train[0])
    if len(shape.curve) == 1:
        first = span = shape.reference_loss or 0.0
    # Below 0 there is no telling how low a train loss is.
    train, validation = shape.last_levels
    fitted = -0.1 * first <= train <= FITTED_TRAIN * first
    far = train <= 0 or validation >= GAP_RATIO * train
    return max(shape.gap, 0.0) / span if fitted and far and span > 0 else 0.0


def _gap_of_accuracy(shape: CurveShape) -> float:
    if shape.accuracies is None:
        return 0.0
    train, validation = shape.accuracies
    return train - validation


def _descent(shape: CurveShape) -> RuleMatch | None:
    descent = second_descent(shape)
    return None if descent is None else sentences.descent(shape, descent)


def _falls_ahead(shape: CurveShape) -> float | None:
    """Return how much validation loss falls over the last fifth of the run, None if it does not.

    The fall is estimated from the slope over the last half of the run, because of the noise, and
    confirmed by the slope over the last fifth.
    """
    values, n = shape.validation, len(shape.validation)
    if n - 1 - int(shape.smoothed.values.argmin()) > max(1, n // 10):
        return None
    fifth = max(1.0, n / 5)
    falls, errors = zip(
        *(fitted_line(values[n - max(3, n // part) :], shape.noise) for part in (2, 5)),
        strict=True,
    )
    fall, recent = (-slope * fifth for slope in falls)
    # A convex fall is steeper over the last half than over the last fifth.
    fall = min(fall, recent + 2 * errors[1] * fifth)
    least = max(FALLING_OF_SPAN * shape.span, FALLING_OF_LOSS * abs(shape.smoothed.end))
    if fall <= max(least, FALLING_ERRORS * errors[0] * fifth):
        return None
    if recent <= least / 2 - errors[1] * fifth:
        return None
    return float(min(fall, shape.span))


def _still_improving(shape: CurveShape) -> RuleMatch | None:
    ahead = _falls_ahead(shape)
    if ahead is None:
        return None
    return sentences.still_improving(
        shape, ahead, ahead / max(FALLING_OF_SPAN * shape.span, 1e-300)
    )


def _near_reference(shape: CurveShape) -> RuleMatch | None:
    reference = shape.reference_loss
    if reference is None or min(shape.train_end, shape.smoothed.end) < 0.8 * reference:
        return None
    return sentences.underfitting(shape, reference)


def _hardly_moved(shape: CurveShape) -> RuleMatch | None:
    """Judge losses that both fell little, where the loss of a constant answer is not known."""
    train, validation = float(shape.curve.train[0]), float(shape.curve.validation[0])
    if shape.reference_loss is not None or min(train, validation) <= 0:
        return None
    moved = max(1 - shape.train_end / train, 1 - shape.smoothed.low / validation)
    return None if moved > HARDLY_MOVED else sentences.hardly_moved(shape)


def _both_rise(shape: CurveShape) -> RuleMatch | None:
    return sentences.both_rise(shape) if validation_rises(shape) else None


def _noisy(shape: CurveShape) -> RuleMatch | None:
    share = shape.noise / max(shape.span, 1e-300)
    return sentences.noisy(shape, share / UNSTABLE_NOISE) if share > UNSTABLE_NOISE else None


def _good_fit(shape: CurveShape) -> RuleMatch:
    nearest = max(
        shape.rise / max(shape.threshold, shape.noise_of_rise, 1e-300),
        _gap_share(shape) / GAP_OF_SPAN,
        _gap_of_accuracy(shape) / GAP_OF_ACCURACY,
        0.1,
    )
    return sentences.good_fit(shape, 1 / nearest)


RULES_IN_ORDER: tuple[Rule, ...] = (
    _flat,
    _overfitting,
    _descent,
    _noisy,
    _gap,
    _still_improving,
    _near_reference,
    _hardly_moved,
    _both_rise,
    _good_fit,
)
