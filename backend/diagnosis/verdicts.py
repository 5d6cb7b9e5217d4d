"""The rules, in the order in which they are asked; each reads a shape and speaks twice."""

from dataclasses import replace
from typing import Any

import numpy as np

from backend.diagnosis.breakdown import evaluation_broke, exploded, not_finite
from backend.diagnosis.double_descent import Descent, second_descent
from backend.diagnosis.found import Found, Rule
from backend.diagnosis.number import number
from backend.diagnosis.rise import held, rises, share
from backend.diagnosis.shape import BARELY, CLEAR, SHORT, Shape
from backend.diagnosis.trend import fall_ahead

SEVERE = 0.5  # rise over the best loss
UNSTABLE = 0.3  # of the fall: noise of that size hides any course
NEAR_REFERENCE = 0.8  # of the loss of always giving the same answer: nothing much was learnt
MEMORISED = 0.05  # of that reference: a train loss near 0
MISSED = 0.2  # of that reference: a validation loss that far from 0 means the pattern is missed


def first_that_applies(shape: Shape, min_points: int) -> Found:
    """Return what the first rule that applies says."""
    if shape.curve.broken_at is not None:
        if not shape.curve.train_goes_on:
            return not_finite(shape)
        finite = replace(shape.curve, broken_at=None)
        before = first_that_applies(Shape(finite, shape.reference_loss), min_points)
        return evaluation_broke(shape, before)
    if found := exploded(shape):
        return found
    if len(shape.curve) < min_points:
        return _of_few_points(shape, min_points)
    return next(found for rule in _RULES if (found := rule(shape)))


def _of_few_points(shape: Shape, least: int) -> Found:
    if len(shape.curve) == 1:  # solved at once: there is no course, and the end is all there is
        for rule in (_underfitting, _memorised):
            if found := rule(shape):
                return found
    many = f"{len(shape.curve)} {shape.unit}{'' if len(shape.curve) == 1 else 's'}"
    return Found(
        "not assessable", "not-assessable.short",
        f"{many} with train and validation loss, at least {least} are needed.",
        f"There is too little to look at yet: {many}, and a trend needs {least}.",
    )  # fmt: skip


def _flat(shape: Shape) -> Found | None:
    t, v = shape.curve.train, shape.curve.validation
    if max(_range(t, shape.train_noise), _range(v, shape.noise)) > BARELY:
        return None
    return Found(
        "underfitting", "underfitting.no-progress",
        f"neither loss moved: train stays at {number(float(t[-1]))}, validation at "
        f"{number(float(v[-1]))}.",
        "Nothing was learnt: both errors stayed where they began. A larger learning rate, a larger "
        "model or longer training may get it going.",
    )  # fmt: skip


def _range(values: Any, noise: float) -> float:
    """Return how far values range beyond their noise, in units of their size."""
    size, whole = float(np.abs(values).max()), float(values.max() - values.min())
    hidden = min(6 * noise, whole / 2) if len(values) >= SHORT else 0.0
    return (whole - hidden) / size if size else 0.0


def _never_fell(shape: Shape) -> Found | None:
    least = BARELY / 2 * abs(shape.start)
    dip = shape.start - float(shape.validation.min())  # of one epoch, which averages hide
    fell = shape.fall > max(2 * shape.noise, least) or dip > max(CLEAR * shape.noise, least)
    learnt = shape.train_fall > max(0.05 * abs(shape.curve.train[0]), 5 * shape.train_noise)
    if fell or not learnt or (rises(shape) and held(shape)):
        return None
    course = f"ends at {number(shape.last)}" if rises(shape) else "stayed there"
    return Found(
        "memorised noise", "memorised-noise.never-fell",
        f"validation loss never fell below its first value ({number(shape.start)}) and {course}, "
        f"while train loss fell to {number(shape.last_train)}; what was learnt of the "
        "training data does not carry over.",
        "The model got better on the examples it was shown and never on new ones: what it learnt "
        "is their noise, not the pattern. Check that both parts of the data belong together.",
    )  # fmt: skip


def _overfitting(shape: Shape) -> Found | None:
    if not rises(shape) or shape.train_rises:
        return None
    onset = shape.onset
    at, low = f"{shape.unit} {shape.curve.steps[onset]:,}", float(shape.curve.validation[onset])
    before, after = number(float(shape.curve.train[onset])), number(shape.last_train)
    severity = "severe" if shape.relative_rise > SEVERE else "mild"
    fell = shape.last_train < shape.curve.train[onset] and before != after
    train = f"{'fell' if fell else 'went'} from {before} to" if before != after else "stays at"
    alone = "" if onset == shape.curve.best else ", but for a lone dip,"
    return Found(
        "overfitting", f"overfitting.{severity}",
        f"validation loss was lowest{alone} at {at} ({number(low)}) and ends at "
        f"{number(shape.last)} (smoothed, a rise of {share(shape)}, from about "
        f"{number(shape.reading.low)} to {number(shape.reading.end)}), while train loss {train} "
        f"{after}.",
        f"Until {at} the model learnt what also holds for new examples. Since then it has been "
        "learning its training examples by heart: the error on them went on falling, the error on "
        "new ones rose.",
    )  # fmt: skip


def _double_descent(shape: Shape) -> Found | None:
    found = second_descent(shape)
    if found is None:
        return None
    first, peak = (int(shape.curve.steps[_index(shape, i)]) for i in (found.first, found.peak))
    levels = _levels(found)
    return Found(
        "epoch-wise double descent", "double-descent.epoch-wise",
        f"validation loss, smoothed, rose from {levels[0]} at {shape.unit} {first:,} to "
        f"{levels[1]} at {shape.unit} {peak:,} and fell again, to {levels[2]}, while train loss "
        "stayed low.",
        "The error on new examples first fell, then rose, as if the model were learning by heart, "
        "and then fell once more: with still more training it found the pattern after all.",
    )  # fmt: skip


def _levels(found: Descent) -> list[str]:
    return [number(level) for level in (found.first_loss, found.peak_loss, found.end_loss)]


def _index(shape: Shape, thinned: int) -> int:
    return min(int(thinned * len(shape.curve) / len(shape.validation)), len(shape.curve) - 1)


def _still_improving(shape: Shape) -> Found | None:
    ahead = fall_ahead(shape)
    if ahead is None:
        return None
    return Found(
        "still improving", "still-improving.falling",
        f"validation loss, smoothed, still falls, by about {number(ahead)} over the last fifth of "
        f"the run, to {number(shape.reading.end)}; train longer before judging the fit.",
        "The error on new examples was still shrinking when training ended: give it more time "
        "before judging the model.",
    )  # fmt: skip


def _underfitting(shape: Shape) -> Found | None:
    reference, train = shape.reference_loss, shape.train_levels[1]
    if reference is None or min(train, shape.reading.end) < NEAR_REFERENCE * reference:
        return None
    return Found(
        "underfitting", "underfitting.near-reference",
        f"train loss, smoothed, ends at about {number(train)}, close to the {number(reference)} of "
        "always giving the same answer; the model has not captured the pattern, or noise hides it.",
        "The model does hardly better than one that always gives the same answer: it is too "
        "simple, was trained too little, or the data hold little to learn.",
    )  # fmt: skip


def _memorised(shape: Shape) -> Found | None:
    reference, (_, train) = shape.reference_loss, shape.train_levels
    if reference is None or train > MEMORISED * reference:
        return None
    share = shape.reading.end / reference if reference else 0.0
    if share < MISSED:
        return None
    return Found(
        "memorised noise", "memorised-noise.near-zero-train",
        f"train loss has fallen to {number(shape.last_train)} while validation loss, smoothed, "
        f"stays at {number(shape.reading.end)}, {share:.0%} of that of always giving the same "
        "answer; the training data are learnt by heart, not the pattern.",
        "The model knows its training examples by heart, noise and all, and that helps little "
        "with new ones. More examples, or a simpler model, would show how much pattern there is.",
    )  # fmt: skip


def _both_rise(shape: Shape) -> Found | None:
    if not rises(shape):
        return None
    return Found(
        "unstable", "unstable.both-rise",
        f"validation loss has risen {share(shape)} since its best, smoothed, from about "
        f"{number(shape.reading.low)} to {number(shape.reading.end)}, without train loss "
        "falling meanwhile; a smaller learning rate is the first thing to try.",
        "Both errors went up again, also on the examples the model was trained on: it is not "
        "learning by heart, it is losing its way. Smaller steps usually help.",
    )  # fmt: skip


def _noisy(shape: Shape) -> Found | None:
    if shape.noise <= UNSTABLE * shape.fall:
        return None
    return Found(
        "unstable", "unstable.noisy",
        f"validation loss jumps by about {number(shape.noise)} at every {shape.unit}, and any fall "
        "or rise smaller than that is hidden; a smaller learning rate or a larger "
        "validation set would show its course.",
        "The error on new examples jumps up and down so much that no trend can be read from it.",
    )  # fmt: skip


def _good_fit(shape: Shape) -> Found:
    best = shape.curve.best
    return Found(
        "good fit", "good-fit.settled",
        f"validation loss, smoothed, ends at {number(shape.reading.end)}, at or near its best "
        f"({number(float(shape.curve.validation[best]))} at {shape.unit} "
        f"{int(shape.curve.steps[best]):,}); train loss ends at "
        f"{number(shape.last_train)}.",
        "The error on new examples came down and stayed down: what was learnt carries over.",
    )  # fmt: skip


_RULES: list[Rule] = [
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
]
