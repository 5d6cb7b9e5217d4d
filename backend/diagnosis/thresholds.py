"""The thresholds of the diagnosis: one table, each with its unit, reason and source.

A threshold is a number, so that rules compute with it. docs/diagnosis.md shows the table.
"""

from dataclasses import dataclass
from typing import Self

THRESHOLDS: "dict[str, Threshold]" = {}
"""All thresholds by name."""


@dataclass(frozen=True)
class Explained:
    """The unit of a threshold, why it is needed, and where its value is from."""

    unit: str
    reason: str
    source: str


class Threshold(float):
    """A number that decides between verdicts."""

    explained: Explained

    def __new__(cls, name: str, value: float, unit: str, reason: str, source: str) -> Self:
        """Make a threshold and add it to the table."""
        number = super().__new__(cls, value)
        number.explained = Explained(unit, reason, source)
        THRESHOLDS[name] = number
        return number


CORPUS = "corpus *first*"
PEOPLE = "40 labelled histories"
NOISE = "tests of noise and thinning"

RISE_OF_BEST = Threshold(
    "rise", 0.05, "of the best validation loss", "A smaller rise costs little.", "the usual 5 %"
)
RISE_OF_SPAN = Threshold(
    "rise seen",
    0.04,
    "of the span of both losses",
    "Near a loss of 0 a relative rise means nothing.",
    PEOPLE,
)
CERTAIN_ERRORS = Threshold(
    "rise over noise",
    2,
    "standard errors, above those of the lowest of many levels",
    "The lowest of n levels is about sqrt(2 ln n) standard errors low by chance.",
    NOISE,
)
SHORT_ERRORS = Threshold(
    "rise over noise, short",
    2.5,
    "standard errors",
    "The course of fewer than 20 points counts as noise in part. Half is enough if they rise in "
    "order.",
    NOISE,
)
MODERATE_RISE = Threshold(
    "moderate", 0.15, "of the best, or of the span", "A rise below it is mild.", PEOPLE
)
SEVERE_RISE = Threshold(
    "severe", 0.5, "of the best", "Validation loss half as high again.", "convention"
)
FITTED_TRAIN = Threshold(
    "train fitted",
    0.35,
    "of the first train loss",
    "A gap counts only where train loss has become low.",
    PEOPLE,
)
GAP_OF_SPAN = Threshold(
    "gap", 0.13, "of the span of both losses", "Every fit has some gap.", PEOPLE
)
GAP_RATIO = Threshold(
    "gap ratio",
    2.3,
    "validation over train loss",
    "A gap counts only where validation loss is far above train loss.",
    PEOPLE,
)
GAP_OF_ACCURACY = Threshold(
    "gap of accuracy",
    0.15,
    "of all samples",
    "That many more are right among the training samples.",
    "convention",
)
SEVERE_GAP = Threshold(
    "severe gap",
    0.6,
    "of the span of both losses",
    "Most of what train loss fell did not carry over.",
    PEOPLE,
)
MEMORISED_TRAIN = Threshold(
    "memorised", 0.1, "of the first train loss", "Train loss below it is near zero.", CORPUS
)
NEAR_CHANCE = Threshold(
    "near chance",
    0.9,
    "of the loss of a constant answer, or of the first train loss",
    "Validation loss above it shows that little was learnt.",
    CORPUS,
)
LEARNT = Threshold(
    "learnt", 0.05, "of the first train loss", "Overfitting needs a train loss that fell.", CORPUS
)
STEADY_TRAIN = Threshold(
    "steady train loss",
    0.05,
    "of its fall",
    "A train loss that rises more is not overfitting.",
    CORPUS,
)
HARDLY_MOVED = Threshold(
    "hardly moved",
    0.15,
    "of the first loss",
    "Losses that both fell less have learnt little.",
    PEOPLE,
)
UNSTABLE_NOISE = Threshold(
    "unstable", 0.2, "of the span of both losses", "More noise hides the course.", PEOPLE
)
FALLING_OF_SPAN = Threshold(
    "still falling",
    0.015,
    "of the span, over the last fifth",
    "A smaller fall is not seen in a chart.",
    PEOPLE,
)
FALLING_OF_LOSS = Threshold(
    "still falling, relative",
    0.02,
    "of the loss, over the last fifth",
    "A smaller fall is worth no longer training.",
    PEOPLE,
)
HUMP_OF_SPAN = Threshold(
    "hump",
    0.2,
    "of the fall of validation loss, or of its level before",
    "A smaller rise between two falls is an ordinary fluctuation.",
    CORPUS,
)
EXPLODED = Threshold(
    "exploded",
    2,
    "times the first train loss",
    "A train loss that ends so far above its start.",
    CORPUS,
)
NEAR_BEST = Threshold(
    "near the best cell",
    0.4,
    "above the validation loss of the best cell",
    "Cells of a grid that differ less are equally good.",
    "the U-curve over 20 seeds",
)
INTERPOLATED = Threshold(
    "interpolated",
    0.01,
    "train over validation loss",
    "A smaller train loss passes through the training samples.",
    "convention",
)
MODERATE_EXCESS = Threshold(
    "moderate, in a grid",
    2,
    "times the validation loss of the best cell",
    "Less is mild.",
    "convention",
)
SEVERE_EXCESS = Threshold(
    "severe, in a grid",
    5,
    "times the validation loss of the best cell",
    "More is severe.",
    "convention",
)
