"""Control on the run page that shows where an early-stopping criterion would have stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.runs.schemas import EarlyStop, KeptWeights
from backend.specification.hyperparameters import STOPPING, Hyperparameter
from backend.specification.stopping_criteria import STOPPING_CRITERIA
from frontend import formatting
from frontend.formatting import number

MAX_SHORT = 1e5  # above it, :g would write an exponent, which some browsers refuse in a field
ABOVE_ZERO = 1e-9  # the minimum for the browser where 0 itself is not accepted


@dataclass(frozen=True)
class StoppingField:
    """A numeric setting of the chosen criterion. `refusal` is the error for an invalid number."""

    name: str
    label: str
    help: str
    refusal: str
    value: str
    low: float
    high: float
    step: float | str


@dataclass(frozen=True)
class StoppingControl:
    """The choices of criteria, the fields of the chosen one, and a sentence with its result."""

    choices: Mapping[str, str]
    chosen: str
    about: str
    fields: Sequence[StoppingField]
    sentence: str
    query: Mapping[str, str]


def stopping_control(
    stop: EarlyStop, *, query: Mapping[str, str], live: bool, unit: str = "epoch"
) -> StoppingControl:
    """Return the control for a replayed criterion.

    `query` holds the parameters of the URL, `unit` is the word for a step of the run.
    """
    criterion = STOPPING_CRITERIA[stop.criterion]
    taken = [
        hyperparameter
        for hyperparameter in STOPPING.values()
        if hyperparameter.name in criterion.defaults
    ]
    return StoppingControl(
        {name: other.title for name, other in STOPPING_CRITERIA.items()},
        stop.criterion,
        criterion.about,
        [_field(hyperparameter, stop.settings[hyperparameter.name]) for hyperparameter in taken],
        sentence(stop, live=live, unit=unit),
        dict(query),
    )


def sentence(stop: EarlyStop, *, live: bool, unit: str = "epoch") -> str:
    """Describe where the criterion fires, its losses there, what it saves and what it gives up.

    `unit` is the word for a step of the run.
    """
    if stop.at_stop is None:
        return f"No {unit} has been recorded yet."
    if stop.epoch is None:
        return f"Would not have stopped {'so far' if live else 'this run'}."
    fraction = formatting.percent(stop.epochs_saved / stop.epochs)
    return (
        f"Would have stopped at {unit} {stop.epoch:,}: {_losses(stop.at_stop)}. "
        f"Saves {stop.epochs_saved:,} of {formatting.count(stop.epochs, unit)} ({fraction})"
        f"{_given_up(stop, unit)}."
    )


def _losses(weights: KeptWeights) -> str:
    test = "" if weights.test_loss is None else f", test loss {number(weights.test_loss)}"
    return f"validation loss {number(weights.val_loss)}{test}"


def _given_up(stop: EarlyStop, unit: str) -> str:
    last, restored, best = stop.at_stop, stop.restored, stop.best
    if last is None or restored is None or best is None:
        return ""
    after = "nothing" if restored.epoch == best.epoch else number(restored.loss_given_up)
    return (
        f", gives up {number(last.loss_given_up)} of validation loss compared with the best "
        f"{unit}, {best.epoch:,}. If the best weights so far ({unit} {restored.epoch:,}) are "
        f"restored, it gives up {after}"
    )


def _field(hyperparameter: Hyperparameter, value: float) -> StoppingField:
    return StoppingField(
        hyperparameter.name,
        hyperparameter.label,
        hyperparameter.help,
        f"{hyperparameter.title} takes {hyperparameter.accepted}.",
        f"{value:g}" if value < MAX_SHORT else repr(value),
        hyperparameter.schema.get("minimum", ABOVE_ZERO),
        hyperparameter.maximum,
        1 if hyperparameter.schema["type"] == "integer" else "any",
    )
