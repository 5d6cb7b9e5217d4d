"""Placement: the device and the priority of an experiment.

They decide where and when its runs are trained, not what is learnt, so they are settings of the
experiment and not hyperparameters of its runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from backend.errors import FieldError
from backend.specification.hyperparameters import NamedChoice, show


@dataclass(frozen=True)
class PlacementSetting:
    """The declaration of one of the two settings, as `Hyperparameter` is of those of a run."""

    name: str
    label: str
    help: str
    why: str
    choices: Mapping[str, NamedChoice]
    default: str


DEVICE: Final = PlacementSetting(
    "device",
    label="device",
    help="The workers that may train it.",
    why="The device changes how long training takes, not what can be learnt.",
    choices={
        "any": NamedChoice("Any", "Any worker may train it."),
        "cpu": NamedChoice("CPU", "Waits for a worker that trains on a CPU."),
        "gpu": NamedChoice("GPU", "Waits for a worker that trains on a GPU."),
    },
    default="any",
)
PRIORITY: Final = PlacementSetting(
    "priority",
    label="priority",
    help="The order in which waiting experiments are trained.",
    why="The priority changes only the order of the runs that are waiting: a long sweep of low "
    "priority leaves room for a quick question.",
    choices={
        "low": NamedChoice("Low", "Its runs start when no runs of other experiments are waiting."),
        "normal": NamedChoice("Normal", "Its runs take turns with those of other experiments."),
        "high": NamedChoice("High", "Its runs start before the waiting runs of other experiments."),
    },
    default="normal",
)
PLACEMENT_SETTINGS: Final = {setting.name: setting for setting in (DEVICE, PRIORITY)}
DEVICES: Final = tuple(DEVICE.choices)
PRIORITIES: Final = tuple(PRIORITY.choices)


@dataclass(frozen=True)
class Placement:
    """The device and the priority of an experiment, each by name."""

    device: str = DEVICE.default
    priority: str = PRIORITY.default

    @property
    def rank(self) -> int:
        """The priority as a number: more urgent is larger."""
        return PRIORITIES.index(self.priority)

    def fits(self, device: str) -> bool:
        """Return whether a worker whose device is "cpu" or "gpu" may train the experiment."""
        return self.device in ("any", device)


PLACEMENTS: Final = tuple(Placement(*names) for names in product(DEVICES, reversed(PRIORITIES)))
"""All placements, grouped by device, the most urgent first."""


def read_placement(document: Mapping[str, object], errors: list[FieldError]) -> Placement:
    """Return the placement in a specification. Append an error for a name that is not accepted."""
    names: dict[str, str] = {}
    for name, setting in PLACEMENT_SETTINGS.items():
        value = document.get(name, setting.default)
        if not isinstance(value, str) or value not in setting.choices:
            accepted = ", ".join(setting.choices)
            errors.append(FieldError(name, f"{name} is {show(value)}; accepted: {accepted}."))
            return Placement()
        names[name] = value
    return Placement(**names)
