"""The two sentences of each verdict: one for practitioners, one for readers new to the terms."""

from backend.diagnosis.descent import SecondDescent
from backend.diagnosis.measurements import CurveShape
from backend.diagnosis.number_format import axis_text, number
from backend.diagnosis.verdicts import Kind, RuleMatch, Severity, Verdict

CERTAIN = 10.0  # the margin of a verdict that no small change of the curve can turn


def validation_not_finite(shape: CurveShape, before: RuleMatch) -> RuleMatch:
    """Return the verdict for a curve of which only validation loss stops being finite.

    `before` is the verdict on the curve until then; the sentence quotes it.
    """
    where = f"{shape.unit} {axis_text(shape.curve.broken_at or 0)}"
    judged = f" Until then, {before.title}: {before.practitioner}"
    return RuleMatch(
        Verdict.DIVERGED, "diverged.validation-not-finite",
        f"validation loss is not a finite number from {where} on, while train loss goes on: check "
        f"the validation data and how the model is evaluated first.{judged}",
        f"From {where} on the evaluation gave no number, though training itself went on. Look for "
        "missing, empty or extreme values in the validation data.",
        CERTAIN,
    )  # fmt: skip


def not_finite(shape: CurveShape) -> RuleMatch:
    """Return the verdict for a curve whose losses stop being finite."""
    where = f"{shape.unit} {axis_text(shape.curve.broken_at or 0)}"
    return RuleMatch(
        Verdict.DIVERGED, "diverged.not-finite",
        f"a loss is not a finite number from {where} on; a smaller learning rate is the first "
        "thing to try.",
        f"Training broke down at {where}: from there on a loss is not a number that can be worked "
        "with. Smaller steps (learning rate) usually help.",
        CERTAIN,
    )  # fmt: skip


def explosion(first: float, end: float) -> str:
    """Describe a train loss that ends far above its start."""
    return (
        f"train loss, smoothed, ends at about {number(end)}, far above the {number(first)} "
        "it began with"
    )


def exploded(reason: str) -> RuleMatch:
    """Return the verdict for a train loss that ends far above its start."""
    return RuleMatch(
        Verdict.DIVERGED, "diverged.exploded",
        f"{reason}; a smaller learning rate is the first thing to try.",
        "Instead of shrinking, the error grew and grew: the steps were too large. A smaller "
        "learning rate usually helps.",
        CERTAIN,
    )  # fmt: skip


def too_short(shape: CurveShape) -> RuleMatch:
    """Return the verdict for a curve of one point or none."""
    many = f"{len(shape.curve)} {shape.unit}{'' if len(shape.curve) == 1 else 's'}"
    return RuleMatch(
        Verdict.NOT_ASSESSABLE, "not-assessable.short",
        f"{many} with train and validation loss; a first answer needs 2, a sure one 20.",
        f"There is too little to look at: {many}. A trend needs at least 2.",
    )  # fmt: skip


def flat(shape: CurveShape) -> RuleMatch:
    """Return the verdict for two losses that did not move."""
    t, v = float(shape.curve.train[-1]), float(shape.curve.validation[-1])
    return RuleMatch(
        Verdict.UNDERFITTING, "underfitting.no-progress",
        f"neither loss moved: train stays at {number(t)}, validation at {number(v)}.",
        "Nothing was learnt: both errors stayed where they began. A larger learning rate, a larger "
        "model or longer training may get it going.",
    )  # fmt: skip


def hardly_moved(shape: CurveShape) -> RuleMatch:
    """Return the verdict for two losses that fell a little and settled."""
    t, v = shape.curve.train, shape.curve.validation
    return RuleMatch(
        Verdict.UNDERFITTING, "underfitting.hardly-moved",
        f"both losses fell little and settled: train went from {number(float(t[0]))} to "
        f"{number(shape.last_train)}, validation from {number(float(v[0]))} to "
        f"{number(shape.last)}.",
        "Little was learnt: both errors are almost where they began. A larger model, a larger "
        "learning rate or better inputs may help.",
    )  # fmt: skip


def rise_text(shape: CurveShape) -> str:
    """Write the rise in percent of the smoothed best, or of the span where losses reach 0."""
    return f"{shape.relative_rise:,.0%}{'' if shape.lowest > 0 else ' of its fall'}"


def _train_course(shape: CurveShape, since: int) -> str:
    """Write how train loss went since an index: "fell from 0.3 to 0.1"."""
    begin = float(shape.curve.train[since])
    before, after = number(begin), number(shape.last_train)
    if before == after:
        return f"stays at {after}"
    return f"{'fell' if shape.last_train < begin else 'went'} from {before} to {after}"


def rise(shape: CurveShape, kind: Kind, severity: Severity, margin: float) -> RuleMatch:
    """Return the verdict for a validation loss that rose since its best, or from the start."""
    onset = shape.onset
    at = f"{shape.unit} {axis_text(shape.curve.steps[onset])}"
    low = number(float(shape.curve.validation[onset]))
    alone = "" if onset == shape.curve.best else ", but for a lone dip,"
    lowest = (
        f"the first evaluation is the best one ({low} at {at}); validation loss"
        if kind is Kind.FROM_START and onset == 0
        else f"validation loss was lowest{alone} at {at} ({low}) and"
    )
    practitioner = (
        f"{lowest} ends at {number(shape.last)} (smoothed, a rise of {rise_text(shape)}, from "
        f"about {number(shape.smoothed.low)} to {number(shape.smoothed.end)}), while train loss "
        f"{_train_course(shape, onset)}."
    )
    return RuleMatch(
        Verdict.OVERFITTING, kind.facts.rule, practitioner,
        _learner_of_rise(kind, severity, at), margin, kind, severity,
    )  # fmt: skip


def _learner_of_rise(kind: Kind, severity: Severity, at: str) -> str:
    if kind is Kind.FROM_START:
        return (
            "From the first look on, more training made the error on new examples larger, while "
            f"the error on the training examples fell. The model of {at} is the best there is: "
            "look earlier and more often."
        )
    if severity == "mild":
        return (
            f"The model was best at {at}. Since then the error on new examples has grown a little, "
            "while the error on its training examples did not: not much is lost yet."
        )
    return (
        f"Until {at} the model learnt what also holds for new examples. Since then it has been "
        "learning its training examples by heart: the error on them went on falling, the error on "
        "new ones rose."
    )


def _accuracy_text(shape: CurveShape) -> str:
    if shape.accuracies is None:
        return ""
    train, validation = shape.accuracies
    return f"; accuracy is {train:.0%} on the training data and {validation:.0%} on validation data"


def gap(shape: CurveShape, severity: Severity, margin: float) -> RuleMatch:
    """Return the verdict for a validation loss that settled far above a low train loss."""
    began = number(float(shape.curve.train[0]))
    fell = f"fell from {began} to" if len(shape.curve) > 1 else "is"
    where = "is" if len(shape.curve) == 1 else "settled at"
    learner = (
        "The model is somewhat better on its training examples than on new ones, and the "
        "difference stays."
        if severity == "mild"
        else "The model knows its training examples much better than it can answer new ones: part "
        "of what it learnt is peculiar to them."
    )
    return RuleMatch(
        Verdict.OVERFITTING, Kind.GAP.facts.rule,
        f"a wide gap: train loss {fell} {number(shape.last_train)}, while validation loss, "
        f"smoothed, {where} {number(shape.smoothed.end)}{_accuracy_text(shape)}. Stopping earlier "
        "does not help; more data, less capacity or regularisation may.",
        f"{learner} Stopping earlier would not help; more examples or a simpler model may.",
        margin, Kind.GAP, severity,
    )  # fmt: skip


def memorised(shape: CurveShape, margin: float) -> RuleMatch:
    """Return the verdict for a validation loss that was never better than chance."""
    known = shape.reference_loss is not None
    chance = shape.reference_loss if known else float(shape.curve.train[0])
    what = "of always giving the same answer" if known else "with which training began"
    return RuleMatch(
        Verdict.OVERFITTING, Kind.MEMORISED.facts.rule,
        f"memorised: validation loss was never clearly below the {number(chance or 0.0)} {what} "
        f"and ends at {number(shape.last)}, while train loss fell to {number(shape.last_train)}. "
        "Check that labels and inputs belong together.",
        "The model learnt its training examples by heart and nothing that helps with new ones, as "
        "it would if the labels were random. Check the labels first.",
        margin, Kind.MEMORISED, "severe",
    )  # fmt: skip


def descent(shape: CurveShape, found: SecondDescent) -> RuleMatch:
    """Return the verdict for a validation loss that rose and fell again."""
    first, peak = (
        axis_text(shape.curve.steps[_index(shape, i)]) for i in (found.first, found.peak)
    )
    low, top, end = (number(x) for x in (found.first_loss, found.peak_loss, found.end_loss))
    if found.late:
        return RuleMatch(
            Verdict.LATE_GENERALISATION, "late-generalisation.risen-then-fallen",
            f"validation loss, smoothed, rose from {low} at {shape.unit} {first} to {top} at "
            f"{shape.unit} {peak}, when train loss was already down to "
            f"{number(float(shape.train[found.peak]))}, and fell to {end} by the end.",
            "At first the model learnt its training examples by heart, and the error on new ones "
            "only grew. Much later it found the pattern behind them, and that error fell.",
            CERTAIN,
        )  # fmt: skip
    return RuleMatch(
        Verdict.DOUBLE_DESCENT, "double-descent.epoch-wise",
        f"validation loss, smoothed, rose from {low} at {shape.unit} {first} to {top} at "
        f"{shape.unit} {peak} and fell again, to {end}, while train loss stayed low.",
        "The error on new examples first fell, then rose, as if the model were learning by heart, "
        "and then fell again: with still more training it found the pattern after all.",
        2.0,
    )  # fmt: skip


def _index(shape: CurveShape, thinned: int) -> int:
    """Return the index in the curve of an index in the thinned curve."""
    return min(int(thinned * len(shape.curve) / len(shape.validation)), len(shape.curve) - 1)


def still_improving(shape: CurveShape, ahead: float, margin: float) -> RuleMatch:
    """Return the verdict for a validation loss that falls to the end."""
    return RuleMatch(
        Verdict.STILL_IMPROVING, "still-improving.falling",
        f"validation loss, smoothed, still falls, by about {number(ahead)} over the last fifth of "
        f"the run, to {number(shape.smoothed.end)}; train longer before judging the fit.",
        "The error on new examples had not stopped shrinking: give the model more time before "
        "judging it.",
        margin,
    )  # fmt: skip


def underfitting(shape: CurveShape, reference: float) -> RuleMatch:
    """Return the verdict for losses near that of a constant answer."""
    return RuleMatch(
        Verdict.UNDERFITTING, "underfitting.near-reference",
        f"train loss, smoothed, ends at about {number(shape.train_end)}, close to the "
        f"{number(reference)} of always giving the same answer; the model has not captured the "
        "pattern, or noise hides it.",
        "The model is hardly better than always giving the same answer: it is too simple, "
        "was trained too little, or the data hold little to learn.",
        min(shape.train_end, shape.smoothed.end) / max(0.8 * reference, 1e-300),
    )  # fmt: skip


def both_rise(shape: CurveShape) -> RuleMatch:
    """Return the verdict for two losses that end above their best."""
    return RuleMatch(
        Verdict.UNSTABLE, "unstable.both-rise",
        f"validation loss has risen {rise_text(shape)} since its best, smoothed, from about "
        f"{number(shape.smoothed.low)} to {number(shape.smoothed.end)}, and train loss did not "
        "fall; a smaller learning rate is the first thing to try.",
        "Both errors went up again, also on the examples the model was trained on: it is not "
        "learning by heart, it is losing its way. Smaller steps usually help.",
    )  # fmt: skip


def noisy(shape: CurveShape, margin: float) -> RuleMatch:
    """Return the verdict for a validation loss of which noise hides the course."""
    return RuleMatch(
        Verdict.UNSTABLE, "unstable.noisy",
        f"validation loss jumps by about {number(shape.noise)} at every {shape.unit}, and any fall "
        "or rise smaller than that is hidden; a smaller learning rate or a larger "
        "validation set would show its course.",
        "The error on new examples jumps up and down so much that no trend can be read from it.",
        margin,
    )  # fmt: skip


def good_fit(shape: CurveShape, margin: float) -> RuleMatch:
    """Return the verdict for losses that settled close together."""
    best = shape.curve.best
    at = f"{shape.unit} {axis_text(shape.curve.steps[best])}"
    return RuleMatch(
        Verdict.GOOD_FIT, "good-fit.settled",
        f"validation loss, smoothed, ends at {number(shape.smoothed.end)}, at or near its best "
        f"({number(float(shape.curve.validation[best]))} at {at}); train loss ends at "
        f"{number(shape.last_train)}.",
        "The error on new examples came down and stayed down: the learnt pattern carries over.",
        margin,
    )  # fmt: skip
