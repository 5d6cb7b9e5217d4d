"""The registry of verdicts and of kinds of overfitting: each name with all its facts.

A new verdict is a member of `Verdict` here and a rule in `backend.diagnosis.rules`; terminal
colours, badges, filters, the glossary, advice and the order of remedies follow from the facts.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self, get_args

Tone = Literal["good", "harmful", "unfinished", "unsteady", "unknown"]
"""The colour group of a badge: one CSS class and one terminal colour each."""


@dataclass(frozen=True)
class VerdictFacts:
    """Facts about a verdict, as the pages, the terminal and the remedies need them.

    `urgency` orders verdicts by how much they need a remedy; the highest is the worst. `mark` is
    the one character that stands for the verdict in a dense grid. `meaning` is its glossary entry.
    `rules` are the stable ids of the rules that give it. `remedies` are slugs of
    `backend.remedies.catalogue`, the most promising first. `first` are slugs of
    `backend.diagnosis.advice` to try before them, which change no specification.
    """

    urgency: int
    tone: Tone
    mark: str
    meaning: str
    rules: tuple[str, ...]
    remedies: tuple[str, ...] = ()
    first: tuple[str, ...] = ()


Severity = Literal["mild", "moderate", "severe"]
"""How much is lost to overfitting."""

SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True)
class KindFacts:
    """Facts about a kind of overfitting: its glossary entry, rule, and advice as of a verdict."""

    meaning: str
    rule: str
    remedies: tuple[str, ...]
    first: tuple[str, ...] = ()


class Kind(StrEnum):
    """A kind of overfitting. Its value is the name that users and REST see."""

    facts: KindFacts

    def __new__(cls, name: str, facts: KindFacts) -> Self:
        """Make a member that equals its name and carries its facts."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.facts = facts
        return member

    PAST_BEST = "past its best", KindFacts(
        "Validation loss fell, then rose while train loss went on falling. Stop at the lowest "
        "validation loss, or keep the snapshot of that epoch.",
        "overfitting.past-its-best",
        ("early-stopping", "more-data", "weight-decay", "dropout", "label-smoothing",
         "less-capacity"),
        ("keep-best",),
    )  # fmt: skip
    GAP = "gap", KindFacts(
        "Train loss is far below where it began, and validation loss settled far above it. "
        "Stopping earlier does not help.",
        "overfitting.gap",
        ("more-data", "weight-decay", "dropout", "less-capacity", "label-smoothing"),
    )  # fmt: skip
    FROM_START = "from the start", KindFacts(
        "The first evaluation is the best one, and train loss falls on. It is usual in "
        "fine-tuning.",
        "overfitting.from-the-start",
        ("early-stopping", "smaller-steps", "more-data", "weight-decay", "dropout",
         "less-capacity"),
        ("evaluate-more-often",),
    )  # fmt: skip
    MEMORISED = "memorised", KindFacts(
        "Validation loss was never better than chance, while train loss fell to nearly zero: the "
        "model learnt its training samples by heart, as it does with random labels.",
        "overfitting.memorised",
        ("more-data", "less-capacity", "weight-decay", "dropout", "label-smoothing"),
        ("check-data",),
    )  # fmt: skip


_AGAINST_OVERFITTING = (
    "more-data", "early-stopping", "weight-decay", "dropout", "label-smoothing", "less-capacity",
)  # fmt: skip


class Verdict(StrEnum):
    """A verdict on a fit. Its value is the name that users, REST and the database see."""

    facts: VerdictFacts

    def __new__(cls, name: str, facts: VerdictFacts) -> Self:
        """Make a member that equals its name and carries its facts."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.facts = facts
        return member

    OVERFITTING = "overfitting", VerdictFacts(
        urgency=11, tone="harmful", mark="O",
        meaning="The model fits its training samples so closely that it has taken on their noise: "
        "training loss is very low, validation loss high or rising. Too little data, too rich a "
        "model and too much noise cause it. It is mild, moderate or severe, and of one of four "
        "kinds: past its best, gap, from the start, memorised.",
        rules=tuple(kind.facts.rule for kind in Kind),
        remedies=_AGAINST_OVERFITTING,
    )  # fmt: skip
    DIVERGED = "diverged", VerdictFacts(
        urgency=8, tone="harmful", mark="D",
        meaning="The loss grows without end, or is no longer a number: most often the learning "
        "rate is too high.",
        rules=("diverged.not-finite", "diverged.validation-not-finite", "diverged.exploded"),
        remedies=("smaller-steps",),
    )  # fmt: skip
    UNSTABLE = "unstable", VerdictFacts(
        urgency=7, tone="unsteady", mark="~",
        meaning="Validation loss jumps up and down so much that no trend can be read from it.",
        rules=("unstable.both-rise", "unstable.noisy"),
        remedies=("smaller-steps", "weight-decay", "more-data"),
    )  # fmt: skip
    UNDERFITTING = "underfitting", VerdictFacts(
        urgency=6, tone="unfinished", mark="U",
        meaning="The model cannot capture the pattern: training and validation loss are both high.",
        rules=(
            "underfitting.no-progress", "underfitting.near-reference", "underfitting.hardly-moved",
            "underfitting.against-best-cell",
        ),
        remedies=("more-capacity", "longer-training", "no-regularisation"),
    )  # fmt: skip
    DOUBLE_DESCENT = "epoch-wise double descent", VerdictFacts(
        urgency=5, tone="unsteady", mark="2",
        meaning="Over the epochs validation loss falls, rises, and falls a second time.",
        rules=("double-descent.epoch-wise",),
        remedies=("longer-training", "weight-decay", "more-data"),
        first=("keep-best",),
    )  # fmt: skip
    LATE_GENERALISATION = "late generalisation", VerdictFacts(
        urgency=2, tone="good", mark="L",
        meaning="The model first knew its training samples by heart, while validation loss rose. "
        "Long after that, validation loss fell: the model found the pattern. Also called grokking.",
        rules=("late-generalisation.risen-then-fallen",),
        remedies=("weight-decay", "more-data"),
        first=("keep-best",),
    )  # fmt: skip
    STILL_IMPROVING = "still improving", VerdictFacts(
        urgency=4, tone="unfinished", mark="S",
        meaning="Validation loss was still falling when training ended: train longer before "
        "judging the fit.",
        rules=("still-improving.falling",),
        remedies=("longer-training", "more-capacity", "more-data"),
    )  # fmt: skip
    NOT_ASSESSABLE = "not assessable", VerdictFacts(
        urgency=3, tone="unknown", mark="?",
        meaning="There are too few epochs, or numbers missing, to say anything honest.",
        rules=(
            "not-assessable.short", "not-assessable.no-losses", "not-assessable.unreadable",
            "not-assessable.error",
        ),
        remedies=("longer-training",),
        first=("log-both-losses",),
    )  # fmt: skip
    INTERPOLATES = "interpolates well", VerdictFacts(
        urgency=1, tone="good", mark="I",
        meaning="The model fits its training samples exactly, and is still among the best of its "
        "grid on new ones: benign overfitting.",
        rules=("interpolates.best-of-grid",),
        remedies=("more-data", "weight-decay"),
        first=("keep-best",),
    )  # fmt: skip
    GOOD_FIT = "good fit", VerdictFacts(
        urgency=0, tone="good", mark="G",
        meaning="Training and validation loss both settled, and lie close together.",
        rules=("good-fit.settled", "good-fit.best-of-grid"),
        first=("keep-best",),
    )  # fmt: skip


OVER_CONFIDENT = "over-confident"
"""A finding next to the verdict overfitting, with remedies of its own."""

FACTS: dict[str, VerdictFacts] = {
    **{verdict.value: verdict.facts for verdict in Verdict},
    OVER_CONFIDENT: VerdictFacts(
        urgency=9, tone="harmful", mark="C",
        meaning="Accuracy holds while the loss rises: the answers are as often right as before, "
        "and surer of those that are wrong.",
        rules=(OVER_CONFIDENT,),
        remedies=("label-smoothing", *(s for s in _AGAINST_OVERFITTING if s != "label-smoothing")),
    ),
}  # fmt: skip
"""The facts of all verdicts, and of the one finding that has remedies, by name."""

RULES = frozenset(rule for facts in FACTS.values() for rule in facts.rules)
"""The ids of all rules."""


def slug(name: str) -> str:
    """Return a verdict as it appears in URLs and on the command line."""
    return name.replace(" ", "-")


@dataclass(frozen=True)
class RuleMatch:
    """A verdict, the id of the rule that gives it, and its two sentences.

    `practitioner` continues after "Verdict: "; `learner` stands alone. `margin` is the factor by
    which the measurement that decides would have to change for another verdict. Only overfitting
    has a `kind` and a `severity`.
    """

    verdict: Verdict
    rule: str
    practitioner: str
    learner: str
    margin: float = 1.0
    kind: Kind | None = None
    severity: Severity | None = None

    @property
    def title(self) -> str:
        """The verdict as sentences and badges write it: "mild overfitting"."""
        return title(self.verdict, self.severity)


def title(verdict: str, severity: str | None) -> str:
    """Write a verdict with its severity: "mild overfitting"."""
    return f"{severity} {verdict}" if severity else verdict


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
        verdict = max(counts, key=urgency)
    return Majority(verdict, counts[verdict], counts.total())


def urgency(name: str) -> int:
    """Return how much a verdict needs a remedy, -1 for one of an older release."""
    facts = FACTS.get(name)
    return -1 if facts is None else facts.urgency


def median_severity(severities: Iterable[str | None]) -> str | None:
    """Return the median of the severities of several runs, the lower of two; None without any."""
    order: tuple[str, ...] = SEVERITIES
    known = sorted(order.index(severity) for severity in severities if severity)
    return order[known[(len(known) - 1) // 2]] if known else None


def remedies_for(condition: str | None, kind: str | None) -> tuple[str, ...]:
    """Return the slugs of the remedies for a verdict, or for a kind of overfitting."""
    if kind in (Kind.GAP, Kind.MEMORISED) or (kind and condition == Verdict.OVERFITTING):
        return Kind(kind).facts.remedies  # type: ignore[call-arg]
    facts = FACTS.get(condition or "")
    return facts.remedies if facts else ()
