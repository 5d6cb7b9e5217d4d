"""What could be changed about a fit, from its diagnosis and its knobs: changes to run and measure.

A remedy is a counterfactual, not advice: whether it helps is known once it was trained beside the
run as it is (`backend.analysis.comparison`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from backend.diagnosis.verdicts import FACTS
from backend.remedies.model_size import enlarged, named, reduced, shown, size_knob
from backend.specification.combinations import check_combination
from backend.specification.expansion import filled_in
from backend.specification.hyperparameters.dataset import N_TRAIN
from backend.specification.hyperparameters.training import EPOCHS, WEIGHT_DECAY
from backend.specification.layers import hidden
from backend.specification.sources import SOURCES

MORE_DATA = 4  # times the training samples, where there are so many
LEAST_MORE_DATA = 1.2
STRONGER = 4  # times a weight decay that is there already
LONGER = 4  # times the epochs
STRONG_DROPOUT, WEAK_DROPOUT, WIDE = 0.5, 0.2, 64
SMOOTHING = 0.1  # Szegedy et al. 2016, section 7
# Measured on moons, digits and MNIST-1D at two learning rates: the best lies from 0.3 to 10.
# Decoupled decay bounds each weight by 1 / decay, whatever the learning rate.
DECOUPLED_DECAY = 2.0
PENALTY = 0.01  # added to the loss itself: SGD and closed form
SHORTEST_PATIENCE = 5

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Remedy:
    """One proposed change: `changes` maps dotted paths of the specification to new values."""

    slug: str
    title: str
    reason: str
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class CellContext:
    """What was seen of a cell that its params do not tell.

    `stops_early` says whether its early-stopping rule fired, `better_capacity` which capacity of
    those measured beside it had the lowest validation loss, if it is not its own.
    """

    stops_early: bool = False
    better_capacity: int | None = None


NO_CONTEXT = CellContext()


def propose(verdict: str | None, params: Params, seen: CellContext = NO_CONTEXT) -> list[Remedy]:
    """Return the remedies for a verdict, the most promising first; empty for a good fit.

    `params` are the run's flat params.
    """
    possible = {remedy.slug: remedy for remedy in applicable(params, seen)}
    facts = FACTS.get(verdict or "")
    order = facts.remedies if facts else ()
    return [possible[slug] for slug in order if slug in possible]


def applicable(params: Params, seen: CellContext = NO_CONTEXT) -> list[Remedy]:
    """Return every remedy that would change something about a run, proposed for it or not."""
    made = (make(params, seen) for make in REMEDIES.values())
    return [remedy for remedy in made if remedy and _trainable({**params, **remedy.changes})]


def _trainable(params: Params) -> bool:
    return check_combination(filled_in(params)) is None


def _more_data(params: Params, _: CellContext) -> Remedy | None:
    given = params["dataset.n_train"]
    rows = SOURCES[params["dataset.source"]].rows
    held_out = params["dataset.n_validation"] + params["dataset.n_test"]
    most = N_TRAIN.maximum if rows is None else rows - held_out
    more = min(MORE_DATA * given, most)
    if more < LEAST_MORE_DATA * given:
        return None
    left = "" if more == MORE_DATA * given else ", all there are"
    return Remedy(
        "more-data",
        "More data",
        f"{more:,} training samples instead of {given:,}{left}: more of them leave less room for "
        "fitting what is peculiar to each.",
        {"dataset.n_train": more},
    )


def _early_stopping(params: Params, seen: CellContext) -> Remedy | None:
    if params["early_stopping.action"] == "stop" or not _descends(params):
        return None
    changes: dict[str, Any] = {"early_stopping.action": "stop"}
    how = "where its rule fires"
    patience = max(SHORTEST_PATIENCE, params["training.epochs"] // 10)
    if not seen.stops_early:
        if patience >= params["training.epochs"]:
            return None
        how = f"after {patience:,} epochs without a lower validation loss"
        changes |= {"early_stopping.criterion": "patience", "early_stopping.patience": patience}
    return Remedy(
        "early-stopping",
        "Early stopping",
        f"Training ends {how}, before the model learns the noise.",
        changes,
    )


def _weight_decay(params: Params, _: CellContext) -> Remedy | None:
    present = params.get("training.weight_decay", 0.0)
    adaptive = params.get("training.optimizer") in ("adam", "adamw")
    decay = max(DECOUPLED_DECAY if adaptive else PENALTY, STRONGER * present)
    if decay > WEIGHT_DECAY.maximum:
        return None
    changes: dict[str, Any] = {"training.weight_decay": decay}
    if adaptive:  # in Adam itself, decay would be divided by the gradients' size
        changes = {"training.optimizer": "adamw", **changes}
    return Remedy(
        "weight-decay",
        "Weight decay",
        f"Weights are pulled towards zero ({decay:g} instead of "
        f"{present:g}): large ones must earn their size.",
        changes,
    )


def _dropout(params: Params, _: CellContext) -> Remedy | None:
    present = params.get("model.dropout")
    if present is None:
        return None
    strong = STRONG_DROPOUT if max(hidden(params), default=0) >= WIDE else WEAK_DROPOUT
    if present >= strong:
        return None
    return Remedy(
        "dropout",
        "Dropout",
        f"{strong:.0%} of the hidden neurons are silenced at each step: no neuron can rely on "
        "another.",
        {"model.dropout": strong},
    )


def _label_smoothing(params: Params, _: CellContext) -> Remedy | None:
    present = params.get("training.label_smoothing")
    if present is None or present >= SMOOTHING:
        return None
    return Remedy(
        "label-smoothing",
        "Label smoothing",
        f"The right class is to get {1 - SMOOTHING:.0%} of the probability instead of all of it: "
        "there is no reward for being certain.",
        {"training.label_smoothing": SMOOTHING},
    )


def _less_capacity(params: Params, seen: CellContext) -> Remedy | None:
    path = size_knob(params)
    if path is None:
        return None
    given, less, why = params[path], reduced(path, params[path]), ""
    if seen.better_capacity is not None and seen.better_capacity < given:
        less, why = seen.better_capacity, ", the best of those measured here"
    if less == given:
        return None
    return Remedy(
        "less-capacity",
        "Less capacity",
        f"{named(path)} {shown(less)} instead of {shown(given)}{why}: what cannot be remembered "
        "must be learnt.",
        {path: less},
    )


def _longer_training(params: Params, _: CellContext) -> Remedy | None:
    given = params["training.epochs"]
    longer = min(LONGER * given, EPOCHS.maximum)
    if longer <= given or not _descends(params):
        return None
    return Remedy(
        "longer-training",
        "Longer training",
        f"{longer:,} epochs instead of {given:,}, to see where the losses settle.",
        {"training.epochs": longer},
    )


def _more_capacity(params: Params, _: CellContext) -> Remedy | None:
    path = size_knob(params)
    if path is None and params.get("model.depth") != 0:
        return None
    if path is None:
        what, changes = "A hidden layer", {"model.depth": 1}
    else:
        given, more = params[path], enlarged(path, params[path])
        if more == given:
            return None
        what, changes = f"{named(path)} {shown(more)} instead of {shown(given)}", {path: more}
    return Remedy(
        "more-capacity",
        "More capacity",
        f"{what}: a richer model can follow a pattern that this one misses.",
        changes,
    )


def _weaker_regularisation(params: Params, _: CellContext) -> Remedy | None:
    paths = (
        "model.dropout",
        "training.weight_decay",
        "training.l1_penalty",
        "training.label_smoothing",
    )
    changes = {path: 0.0 for path in paths if params.get(path)}
    if not changes:
        return None
    return Remedy(
        "no-regularisation",
        "No regularisation",
        "Without dropout, weight decay, L1 or label smoothing nothing keeps the model from "
        "fitting.",
        changes,
    )


def _smaller_steps(params: Params, _: CellContext) -> Remedy | None:
    if not _descends(params):
        return None
    given = params["training.learning_rate"]
    return Remedy(
        "smaller-steps",
        "Smaller learning rate",
        f"A learning rate of {given / 10:g} instead of {given:g}: large steps jump over the valley "
        "they should descend into.",
        {"training.learning_rate": given / 10},
    )


REMEDIES: dict[str, Callable[[Params, CellContext], Remedy | None]] = {
    "more-data": _more_data,
    "early-stopping": _early_stopping,
    "weight-decay": _weight_decay,
    "dropout": _dropout,
    "label-smoothing": _label_smoothing,
    "less-capacity": _less_capacity,
    "longer-training": _longer_training,
    "more-capacity": _more_capacity,
    "no-regularisation": _weaker_regularisation,
    "smaller-steps": _smaller_steps,
}
"""By slug, in the order in which they are offered when nothing is proposed."""


def _descends(params: Params) -> bool:
    """Whether a run is trained by gradients, epoch after epoch."""
    return params.get("training.optimizer") != "closed_form"
