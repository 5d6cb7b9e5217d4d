"""Where an experiment is trained, and before which others: its device and its priority.

Neither changes what a run is, so neither is a knob: they are the experiment's, not its runs'.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from backend.errors import FieldError
from backend.specification.hyperparameters import show

DEVICES: Final = ("any", "cpu", "gpu")
PRIORITIES: Final = ("low", "normal", "high")
FIELDS: Final = {"device": DEVICES, "priority": PRIORITIES}


@dataclass(frozen=True)
class Placement:
    """Which workers may train, and how urgent it is; each is one of the words above."""

    device: str = "any"
    priority: str = "normal"

    @property
    def rank(self) -> int:
        """The priority as a number: more urgent is larger."""
        return PRIORITIES.index(self.priority)

    def fits(self, device: str) -> bool:
        """Whether a worker whose device is "cpu" or "gpu" may train it."""
        return self.device in ("any", device)


PLACEMENTS: Final = tuple(Placement(*each) for each in product(DEVICES, reversed(PRIORITIES)))
"""All there are; of each device the most urgent first."""


def read_placement(document: Mapping[str, Any], errors: list[FieldError]) -> Placement:
    """Return the placement that a specification names, noting a word that is none."""
    given = {name: document[name] for name in FIELDS if name in document}
    for name, value in given.items():
        if value not in FIELDS[name]:
            accepted = ", ".join(FIELDS[name])
            errors.append(FieldError(name, f"{name} is {show(value)}; accepted: {accepted}."))
            return Placement()
    return Placement(**given)
