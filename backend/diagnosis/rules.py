"""The rules of diagnosis, in order. The first rule that applies gives the verdict.

Each rule takes the shape of a curve and returns a `RuleMatch` with two sentences, or None. For the
plain question "does it overfit", one line does about as well: validation loss that ends 5 % above
its minimum, 3 points or more after it (docs/diagnosis.md gives both scores). The rules buy the
other eight verdicts, sentences with numbers, and verdicts that noise and sampling rarely change.

Thresholds were set on the *first* part of the corpus in docs/diagnosis.md; see there.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from backend.diagnosis.breakdown import exploded, not_finite, validation_not_finite
from backend.diagnosis.measurements import (
    CLEAR_ERRORS,
    NEGLIGIBLE_CHANGE,
    SHORT_CURVE_POINTS,
    CurveShape,
)
from backend.diagnosis.number_format import number
from backend.diagnosis.trends import (
    SecondDescent,
    fall_ahead,
    rise_text,
    second_descent,
    stayed_at_best,
    validation_rises,
)
from backend.diagnosis.verdicts import RuleMatch, Verdict
from backend.series import FloatArray

SEVERE_RISE = 0.5  # relative to the best loss: half as high again
UNSTABLE_NOISE_OF_FALL = 0.3  # noise of that share of the fall hides any course
# Shares of the reference loss, which is the loss of a constant answer.
NEAR_REFERENCE = 0.8  # train and validation loss above it: little was learnt
MEMORISED_TRAIN_LOSS = 0.05  # train loss below it is near 0
MISSED_VALIDATION_LOSS = 0.2  # validation loss above it: the pattern is missed
# Changes of the train loss that show that something was learnt.
LEARNT_OF_START = 0.05  # share of the first train loss
LEARNT_NOISE = 5  # standard deviations of the train loss's noise

Rule = Callable[[CurveShape], RuleMatch | None]


def first_match(shape: CurveShape, min_points: int) -> RuleMatch:
    """Return the verdict of the first rule that applies to a curve.

    Curves with fewer than `min_points` points are not assessable, unless training broke down.
    """
    if shape.curve.broken_at is not None:
        if not shape.curve.train_goes_on:
            return not_finite(shape)
        finite = replace(shape.curve, broken_at=None)
        before = first_match(CurveShape(finite, shape.reference_loss), min_points)
        return validation_not_finite(shape, before)
    if match := exploded(shape):
        return match
    if len(shape.curve) < min_points:
        return _few_points(shape, min_points)
    return next(match for rule in RULES_IN_ORDER if (match := rule(shape)))


def _few_points(shape: CurveShape, least: int) -> RuleMatch:
    if len(shape.curve) == 1:  # a model solved in closed form has one point, its end
        for rule in (_underfitting, _memorised):
            if match := rule(shape):
                return match
    many = f"{len(shape.curve)} {shape.unit}{'' if len(shape.curve) == 1 else 's'}"
    return RuleMatch(
        Verdict.NOT_ASSESSABLE, "not-assessable.short",
        f"{many} with train and validation loss, at least {least} are needed.",
        f"There is too little to look at yet: {many}, and a trend needs {least}.",
    )  # fmt: skip


def _flat(shape: CurveShape) -> RuleMatch | None:
    t, v = shape.curve.train, shape.curve.validation
    if max(_range(t, shape.train_noise), _range(v, shape.noise)) > NEGLIGIBLE_CHANGE:
        return None
    return RuleMatch(
        Verdict.UNDERFITTING, "underfitting.no-progress",
        f"neither loss moved: train stays at {number(float(t[-1]))}, validation at "
        f"{number(float(v[-1]))}.",
        "Nothing was learnt: both errors stayed where they began. A larger learning rate, a larger "
        "model or longer training may get it going.",
    )  # fmt: skip


def _range(values: FloatArray, noise: float) -> float:
    """Return the range of values beyond their noise, relative to the largest of them."""
    size, whole = float(np.abs(values).max()), float(values.max() - values.min())
    hidden = min(6 * noise, whole / 2) if len(values) >= SHORT_CURVE_POINTS else 0.0
    return (whole - hidden) / size if size else 0.0


def _never_fell(shape: CurveShape) -> RuleMatch | None:
    least = NEGLIGIBLE_CHANGE / 2 * abs(shape.start)
    dip = shape.start - float(shape.validation.min())  # a single epoch, which averages hide
    fell = shape.fall > max(2 * shape.noise, least) or dip > max(CLEAR_ERRORS * shape.noise, least)
    learnt = shape.train_fall > max(
        LEARNT_OF_START * abs(shape.curve.train[0]), LEARNT_NOISE * shape.train_noise
    )
    if fell or not learnt or (validation_rises(shape) and stayed_at_best(shape)):
        return None
    course = f"ends at {number(shape.last)}" if validation_rises(shape) else "stayed there"
    return RuleMatch(
        Verdict.MEMORISED_NOISE, "memorised-noise.never-fell",
        f"validation loss never fell below its first value ({number(shape.start)}) and {course}, "
        f"while train loss fell to {number(shape.last_train)}; the pattern learnt "
        "from the training data does not carry over.",
        "The model got better on the examples it was shown and never on new ones: what it learnt "
        "is their noise, not the pattern. Check that both parts of the data belong together.",
    )  # fmt: skip


def _overfitting(shape: CurveShape) -> RuleMatch | None:
    if not validation_rises(shape) or shape.train_rises:
        return None
    onset = shape.onset
    at, low = f"{shape.unit} {shape.curve.steps[onset]:,}", float(shape.curve.validation[onset])
    before, after = number(float(shape.curve.train[onset])), number(shape.last_train)
    severity = "severe" if shape.relative_rise > SEVERE_RISE else "mild"
    fell = shape.last_train < shape.curve.train[onset] and before != after
    train = f"{'fell' if fell else 'went'} from {before} to" if before != after else "stays at"
    alone = "" if onset == shape.curve.best else ", but for a lone dip,"
    return RuleMatch(
        Verdict.OVERFITTING, f"overfitting.{severity}",
        f"validation loss was lowest{alone} at {at} ({number(low)}) and ends at "
        f"{number(shape.last)} (smoothed, a rise of {rise_text(shape)}, from about "
        f"{number(shape.smoothed.low)} to {number(shape.smoothed.end)}), while train loss {train} "
        f"{after}.",
        f"Until {at} the model learnt what also holds for new examples. Since then it has been "
        "learning its training examples by heart: the error on them went on falling, the error on "
        "new ones rose.",
    )  # fmt: skip


def _double_descent(shape: CurveShape) -> RuleMatch | None:
    descent = second_descent(shape)
    if descent is None:
        return None
    first, peak = (int(shape.curve.steps[_index(shape, i)]) for i in (descent.first, descent.peak))
    levels = _levels(descent)
    return RuleMatch(
        Verdict.DOUBLE_DESCENT, "double-descent.epoch-wise",
        f"validation loss, smoothed, rose from {levels[0]} at {shape.unit} {first:,} to "
        f"{levels[1]} at {shape.unit} {peak:,} and fell again, to {levels[2]}, while train loss "
        "stayed low.",
        "The error on new examples first fell, then rose, as if the model were learning by heart, "
        "and then fell again: with still more training it found the pattern after all.",
    )  # fmt: skip


def _levels(descent: SecondDescent) -> list[str]:
    return [number(level) for level in (descent.first_loss, descent.peak_loss, descent.end_loss)]


def _index(shape: CurveShape, thinned: int) -> int:
    """Return the index in the curve of an index in the thinned curve."""
    return min(int(thinned * len(shape.curve) / len(shape.validation)), len(shape.curve) - 1)


def _still_improving(shape: CurveShape) -> RuleMatch | None:
    ahead = fall_ahead(shape)
    if ahead is None:
        return None
    return RuleMatch(
        Verdict.STILL_IMPROVING, "still-improving.falling",
        f"validation loss, smoothed, still falls, by about {number(ahead)} over the last fifth of "
        f"the run, to {number(shape.smoothed.end)}; train longer before judging the fit.",
        "The error on new examples had not stopped shrinking: give the model more time before "
        "judging it.",
    )  # fmt: skip


def _underfitting(shape: CurveShape) -> RuleMatch | None:
    reference, train = shape.reference_loss, shape.train_levels[1]
    if reference is None or min(train, shape.smoothed.end) < NEAR_REFERENCE * reference:
        return None
    return RuleMatch(
        Verdict.UNDERFITTING, "underfitting.near-reference",
        f"train loss, smoothed, ends at about {number(train)}, close to the {number(reference)} of "
        "always giving the same answer; the model has not captured the pattern, or noise hides it.",
        "The model does hardly better than one that always gives the same answer: it is too "
        "simple, was trained too little, or the data hold little to learn.",
    )  # fmt: skip


def _memorised(shape: CurveShape) -> RuleMatch | None:
    reference, (_, train) = shape.reference_loss, shape.train_levels
    if reference is None or train > MEMORISED_TRAIN_LOSS * reference:
        return None
    share = shape.smoothed.end / reference if reference else 0.0
    if share < MISSED_VALIDATION_LOSS:
        return None
    return RuleMatch(
        Verdict.MEMORISED_NOISE, "memorised-noise.near-zero-train",
        f"train loss has fallen to {number(shape.last_train)} while validation loss, smoothed, "
        f"stays at {number(shape.smoothed.end)}, {share:.0%} of that of always giving the same "
        "answer; the training data are learnt by heart, not the pattern.",
        "The model knows its training examples by heart, noise and all, and that helps little "
        "with new ones. More examples, or a simpler model, would show how much pattern there is.",
    )  # fmt: skip


def _both_rise(shape: CurveShape) -> RuleMatch | None:
    if not validation_rises(shape):
        return None
    return RuleMatch(
        Verdict.UNSTABLE, "unstable.both-rise",
        f"validation loss has risen {rise_text(shape)} since its best, smoothed, from about "
        f"{number(shape.smoothed.low)} to {number(shape.smoothed.end)}, and train loss did not "
        "fall; a smaller learning rate is the first thing to try.",
        "Both errors went up again, also on the examples the model was trained on: it is not "
        "learning by heart, it is losing its way. Smaller steps usually help.",
    )  # fmt: skip


def _noisy(shape: CurveShape) -> RuleMatch | None:
    if shape.noise <= UNSTABLE_NOISE_OF_FALL * shape.fall:
        return None
    return RuleMatch(
        Verdict.UNSTABLE, "unstable.noisy",
        f"validation loss jumps by about {number(shape.noise)} at every {shape.unit}, and any fall "
        "or rise smaller than that is hidden; a smaller learning rate or a larger "
        "validation set would show its course.",
        "The error on new examples jumps up and down so much that no trend can be read from it.",
    )  # fmt: skip


def _good_fit(shape: CurveShape) -> RuleMatch:
    best = shape.curve.best
    return RuleMatch(
        Verdict.GOOD_FIT, "good-fit.settled",
        f"validation loss, smoothed, ends at {number(shape.smoothed.end)}, at or near its best "
        f"({number(float(shape.curve.validation[best]))} at {shape.unit} "
        f"{int(shape.curve.steps[best]):,}); train loss ends at "
        f"{number(shape.last_train)}.",
        "The error on new examples came down and stayed down: the learnt pattern carries over.",
    )  # fmt: skip


RULES_IN_ORDER: tuple[Rule, ...] = (
    _flat,
    _never_fell,
    _overfitting,
    _double_descent,
    _noisy,
    _still_improving,
    _memorised,
    _underfitting,
    _both_rise,
    _good_fit,
)
