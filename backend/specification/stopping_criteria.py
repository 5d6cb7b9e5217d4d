"""Criteria of early stopping. Their rules are in backend/diagnosis/stopping_rules.py."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class StoppingCriterion:
    """One criterion of early stopping.

    `about` describes when it fires. `defaults` maps the settings that it takes to their defaults.
    """

    name: str
    title: str
    about: str
    defaults: Mapping[str, float]


STOPPING_CRITERIA: dict[str, StoppingCriterion] = {
    criterion.name: criterion
    for criterion in (
        StoppingCriterion(
            "patience",
            "Patience",
            "Fires after that many epochs without a better validation loss.",
            {"patience": 20, "min_delta": 0.0, "start_from_epoch": 0},
        ),
        # the defaults of the other three are those of Prechelt (1998)
        StoppingCriterion(
            "gl",
            "Generalisation loss",
            "Fires once validation loss is more than alpha percent above its lowest.",
            {"alpha": 5.0},
        ),
        StoppingCriterion(
            "pq",
            "Progress quotient",
            "Like generalisation loss, but relative to how much training still changes the train "
            "loss: fires at the end of a strip of epochs once their quotient exceeds alpha.",
            {"alpha": 0.75, "strip": 5},
        ),
        StoppingCriterion(
            "up",
            "Successive rises",
            "Fires once validation loss has risen over that many strips of epochs in succession.",
            {"strips": 3, "strip": 5},
        ),
    )
}
"""By name, in the order in which they are offered."""
