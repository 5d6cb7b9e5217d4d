"""The run page's question: where would another criterion have stopped?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.runs.schemas import EarlyStop, KeptWeights
from backend.specification.criteria import STOPPING_CRITERIA
from backend.specification.hyperparameters import STOPPING
from frontend import formatting

STEPS = {"patience": 1, "start_from_epoch": 1, "strip": 1, "strips": 1}
ABOVE_ZERO = 1e-9  # the least that the browser lets through where 0 itself is refused


@dataclass(frozen=True)
class Field:
    """A number that the chosen criterion takes; `refusal` is said of any other."""

    name: str
    label: str
    about: str
    refusal: str
    value: str
    low: float
    high: float
    step: float | str


@dataclass(frozen=True)
class Control:
    """The control: its choices, the fields of the chosen criterion, and the answer in words."""

    choices: Mapping[str, str]
    chosen: str
    about: str
    fields: Sequence[Field]
    sentence: str
    query: Mapping[str, str]


def control(found: EarlyStop, *, query: Mapping[str, str], live: bool) -> Control:
    """Return what the control shows; `query` is what the address asks for."""
    criterion = STOPPING_CRITERIA[found.criterion]
    return Control(
        {name: other.title for name, other in STOPPING_CRITERIA.items()},
        found.criterion,
        criterion.about,
        [_field(name, found.settings[name]) for name in criterion.defaults],
        sentence(found, live=live),
        dict(query),
    )


def sentence(found: EarlyStop, *, live: bool) -> str:
    """Say where the criterion fires, what is kept there, what it saves and what it gives up."""
    if found.at_stop is None:
        return "No epoch to look at yet."
    if found.epoch is None:
        return f"Would not have stopped {'so far' if live else 'this run'}."
    share = formatting.percent(found.epochs_saved / found.epochs)
    return (
        f"Would have stopped at epoch {found.epoch:,}: {_losses(found.at_stop)}. "
        f"Saves {found.epochs_saved:,} of {formatting.count(found.epochs, 'epoch')} ({share})"
        f"{_given_up(found)}."
    )


def _losses(kept: KeptWeights) -> str:
    text = f"validation loss {formatting.number(kept.val_loss)}"
    return f"{text}, test loss {formatting.number(kept.test_loss)}"


def _given_up(found: EarlyStop) -> str:
    stop, kept, best = found.at_stop, found.restored, found.best
    if stop is None or kept is None or best is None:
        return ""
    back = "nothing" if kept.epoch == best.epoch else formatting.number(kept.loss_given_up)
    return (
        f", gives up {formatting.number(stop.loss_given_up)} of validation loss against the best "
        f"epoch, {best.epoch:,}; with the best weights until then put back (epoch {kept.epoch:,}): "
        f"{back}"
    )


def _field(name: str, value: float) -> Field:
    path = f"early_stopping.{name}"
    knob, label = STOPPING[path], formatting.knob(path)
    return Field(
        name,
        label,
        knob.about,
        f"{label.capitalize()} takes {knob.accepted}.",
        f"{value:g}" if value < 1e5 else repr(value),
        knob.schema.get("minimum", ABOVE_ZERO),
        knob.schema["maximum"],
        STEPS.get(name, "any"),
    )
