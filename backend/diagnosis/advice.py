"""Advice for each verdict, in words: what to try first, and why.

`backend.remedies.catalogue` makes the remedies among them changes to a specification.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.diagnosis.verdicts import FACTS, OVER_CONFIDENT, remedies_for

if TYPE_CHECKING:
    from backend.diagnosis.diagnosis import Diagnosis


@dataclass(frozen=True)
class Advice:
    """The title of a remedy, and a sentence that says what to do and why."""

    title: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.title}: {self.sentence}"


ADVICE: Mapping[str, Advice] = {
    "keep-best": Advice(
        "Keep the best snapshot",
        "use the weights of the epoch with the lowest validation loss, and measure them on the "
        "test set once.",
    ),
    "evaluate-more-often": Advice(
        "Evaluate more often",
        "evaluate several times within the first epoch and keep the best weights; the best point "
        "may lie before the first evaluation.",
    ),
    "check-data": Advice(
        "Check the labels",
        "make sure that inputs and labels belong together in both parts of the data; a model that "
        "learns nothing general often has shuffled or random labels.",
    ),
    "log-both-losses": Advice(
        "Log both losses",
        "record train and validation loss at least five times; twenty evaluations give a sure "
        "answer.",
    ),
    "more-data": Advice(
        "More data",
        "train on more samples, or augment those there are; more of them leave less room for "
        "fitting the peculiarities of each.",
    ),
    "early-stopping": Advice(
        "Early stopping",
        "stop where validation loss stops falling, and keep the weights of the best step.",
    ),
    "weight-decay": Advice(
        "Weight decay",
        "pull the weights towards zero, for example with AdamW; large ones must earn their size.",
    ),
    "dropout": Advice(
        "Dropout",
        "silence a share of the hidden neurons at each step; no neuron can then rely on another.",
    ),
    "label-smoothing": Advice(
        "Label smoothing",
        "give the right class 90 % of the probability instead of all of it; there is then no "
        "reward for being certain.",
    ),
    "less-capacity": Advice(
        "Less capacity",
        "use fewer or narrower layers; a model that cannot memorise its samples must learn the "
        "pattern.",
    ),
    "longer-training": Advice(
        "Longer training",
        "train for more epochs, to see where the losses settle.",
    ),
    "more-capacity": Advice(
        "More capacity",
        "use more or wider layers; a richer model can follow a pattern that this one misses.",
    ),
    "no-regularisation": Advice(
        "No regularisation",
        "train without dropout, weight decay and label smoothing; they keep a model from fitting.",
    ),
    "smaller-steps": Advice(
        "Smaller learning rate",
        "divide the learning rate by ten; large steps jump over the valley that they should "
        "descend into.",
    ),
}
"""By slug."""


def advice_on(diagnosis: "Diagnosis") -> list[Advice]:
    """Return advice on a fit, the most promising first."""
    return [ADVICE[slug] for slug in advice_slugs(diagnosis)]


def advice_slugs(diagnosis: "Diagnosis") -> Sequence[str]:
    """Return the slugs of the advice on a fit: for its kind of overfitting, or its verdict."""
    over_confident = any(finding.rule == OVER_CONFIDENT for finding in diagnosis.findings)
    condition = OVER_CONFIDENT if over_confident else diagnosis.verdict
    facts = FACTS[condition] if diagnosis.kind is None else diagnosis.kind.facts
    return (*facts.first, *remedies_for(condition, diagnosis.kind))
