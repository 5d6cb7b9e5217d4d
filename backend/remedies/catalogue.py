"""The catalogue of remedies: changes to a run that may cure a bad fit.

A remedy is a counterfactual and not advice: whether it helps is known after it was trained next to
the baseline (`backend.analysis.comparison`). Which verdict proposes which remedies, and in which
order, is in `backend.diagnosis.verdicts`.

A new remedy is a function here and its entry in `REMEDIES`, and an entry in
`backend.diagnosis.advice`; add its slug to the verdicts that propose it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from backend.diagnosis.advice import ADVICE
from backend.diagnosis.verdicts import remedies_for
from backend.remedies import model_size
from backend.specification.combinations import check_combination
from backend.specification.expansion import filled_in
from backend.specification.hyperparameters import AXES
from backend.specification.hyperparameters import early_stopping as stopping
from backend.specification.hyperparameters.dataset import N_TRAIN
from backend.specification.hyperparameters.model import DEPTH, DROPOUT
from backend.specification.hyperparameters.training import (
    EPOCHS,
    L1_PENALTY,
    LABEL_SMOOTHING,
    LEARNING_RATE,
    OPTIMIZER,
    SEED,
    WEIGHT_DECAY,
)
from backend.specification.params import Params, ParamValue
from backend.specification.run_spec import RunSpec

MORE_DATA_FACTOR, MIN_MORE_DATA_FACTOR = 4, 1.2  # times the training samples
LONGER_FACTOR = 4  # times the epochs
STRONGER_DECAY_FACTOR = 4  # times a weight decay that is not 0
# The best decoupled decay lies between 0.3 and 10, measured on moons, digits and MNIST-1D at two
# learning rates. Decoupled decay bounds each weight by 1 / decay, whatever the learning rate.
DECOUPLED_DECAY = 2.0
LOSS_PENALTY = 0.01  # weight decay that is added to the loss: SGD and closed form
# Wide layers take half of their neurons, as in Srivastava et al. (2014), narrow ones a fifth.
STRONG_DROPOUT, WEAK_DROPOUT, WIDE_LAYER = 0.5, 0.2, 64
SMOOTHING = 0.1  # Szegedy et al. 2016, section 7
MIN_PATIENCE, PATIENCE_SHARE = 5, 10  # epochs; at least a tenth of the run
SLOWER_FACTOR = 10  # a learning rate divided by it


@dataclass(frozen=True)
class Remedy:
    """One proposed change: `changes` maps dotted paths of the specification to new values."""

    slug: str
    reason: str
    changes: Params

    @property
    def title(self) -> str:
        """The name of the remedy."""
        return ADVICE[self.slug].title


@dataclass(frozen=True)
class CellContext:
    """Observations of a cell that its hyperparameters do not show.

    `stops_early` is True if its early-stopping rule fired. `better_capacity` is the capacity with
    the lowest validation loss among those measured next to the cell, None if its own is the best.
    """

    stops_early: bool = False
    better_capacity: int | None = None


NO_CONTEXT = CellContext()


def propose(
    verdict: str | None,
    spec: RunSpec,
    context: CellContext = NO_CONTEXT,
    *,
    kind: str | None = None,
) -> list[Remedy]:
    """Return the remedies for a verdict, or for a kind of overfitting, the most promising first.

    A good fit has no remedies.
    """
    possible = {remedy.slug: remedy for remedy in applicable(spec, context)}
    return [possible[slug] for slug in remedies_for(verdict, kind) if slug in possible]


def applicable(spec: RunSpec, context: CellContext = NO_CONTEXT) -> list[Remedy]:
    """Return every remedy that would change a run, whether it is proposed or not."""
    candidates = (make(spec, context) for make in REMEDIES.values())
    return [remedy for remedy in candidates if remedy and _is_trainable(spec, remedy)]


def _is_trainable(spec: RunSpec, remedy: Remedy) -> bool:
    changed = {**spec.params(), **remedy.changes}
    others = {path: value for path, value in changed.items() if path not in AXES}
    seed = {SEED.path: spec.training.seed}
    return check_combination(RunSpec.from_params({**filled_in(changed), **seed, **others})) is None


def _more_data(spec: RunSpec, _: CellContext) -> Remedy | None:
    data = spec.dataset
    rows = spec.source.rows
    available = N_TRAIN.maximum if rows is None else rows - data.n_validation - data.n_test
    more = min(MORE_DATA_FACTOR * data.n_train, available)
    if more < MIN_MORE_DATA_FACTOR * data.n_train:
        return None
    limit = "" if more == MORE_DATA_FACTOR * data.n_train else ", all there are"
    return Remedy(
        "more-data",
        f"{more:,} training samples instead of {data.n_train:,}{limit}: with more data the model "
        "cannot fit the quirks of single samples.",
        {N_TRAIN.path: more},
    )


def _early_stopping(spec: RunSpec, context: CellContext) -> Remedy | None:
    if spec.early_stopping.action == "stop" or not _follows_gradients(spec):
        return None
    changes: dict[str, ParamValue] = {stopping.ACTION.path: "stop"}
    when = "where its rule fires"
    patience = max(MIN_PATIENCE, spec.training.epochs // PATIENCE_SHARE)
    if not context.stops_early:
        if patience >= spec.training.epochs:
            return None
        when = f"after {patience:,} epochs without a lower validation loss"
        changes |= {stopping.CRITERION.path: "patience", stopping.PATIENCE.path: patience}
    return Remedy(
        "early-stopping",
        f"Training ends {when}, before the model learns the noise.",
        changes,
    )


def _weight_decay(spec: RunSpec, _: CellContext) -> Remedy | None:
    present = spec.training.weight_decay or 0.0
    decoupled = spec.optimizer.decays_with
    decay = max(DECOUPLED_DECAY if decoupled else LOSS_PENALTY, STRONGER_DECAY_FACTOR * present)
    if decay > WEIGHT_DECAY.maximum:
        return None
    changes: dict[str, ParamValue] = {WEIGHT_DECAY.path: decay}
    also = ""
    if decoupled:  # in Adam itself, decay would be divided by the size of the gradients
        changes = {OPTIMIZER.path: decoupled, **changes}
        titles = [OPTIMIZER.choice_title(name) for name in (decoupled, spec.training.optimizer)]
        if titles[0] != titles[1]:
            also = f" The optimiser changes too: {titles[0]} instead of {titles[1]}."
    return Remedy(
        "weight-decay",
        f"Weights are pulled towards zero ({decay:g} instead of "
        f"{present:g}): large weights are kept only if they help.{also}",
        changes,
    )


def _dropout(spec: RunSpec, _: CellContext) -> Remedy | None:
    present = spec.model.dropout
    if present is None:
        return None
    # Convolutions take weak dropout, however many channels they have.
    widest = max(spec.model.hidden, default=0) if spec.model.channels is None else 0
    strong = STRONG_DROPOUT if widest >= WIDE_LAYER else WEAK_DROPOUT
    if present >= strong:
        return None
    return Remedy(
        "dropout",
        f"{strong:.0%} of the hidden neurons are silenced at each step: no neuron can rely on "
        "another.",
        {DROPOUT.path: strong},
    )


def _label_smoothing(spec: RunSpec, _: CellContext) -> Remedy | None:
    present = spec.training.label_smoothing
    if present is None or present >= SMOOTHING:
        return None
    return Remedy(
        "label-smoothing",
        f"The right class is to get {1 - SMOOTHING:.0%} of the probability instead of all of it: "
        "being overly certain is no longer rewarded.",
        {LABEL_SMOOTHING.path: SMOOTHING},
    )


def _less_capacity(spec: RunSpec, context: CellContext) -> Remedy | None:
    size = model_size.size_of(spec)
    if size is None:
        return None
    less, note = size.reduced(), ""
    if context.better_capacity is not None and context.better_capacity < int(size.value):
        less, note = context.better_capacity, ", the best of those measured here"
    if less == size.value:
        return None
    return Remedy(
        "less-capacity",
        f"{size.title} {model_size.text(less)} instead of {size}{note}: a smaller model "
        "cannot memorise its samples and has to generalise.",
        {size.path: less},
    )


def _longer_training(spec: RunSpec, _: CellContext) -> Remedy | None:
    epochs = spec.training.epochs
    longer = min(LONGER_FACTOR * epochs, EPOCHS.maximum)
    if longer <= epochs or not _follows_gradients(spec):
        return None
    return Remedy(
        "longer-training",
        f"{longer:,} epochs instead of {epochs:,}, to see where the losses settle.",
        {EPOCHS.path: longer},
    )


def _more_capacity(spec: RunSpec, _: CellContext) -> Remedy | None:
    size = model_size.size_of(spec)
    if size is None and spec.model.depth != 0:
        return None
    change: dict[str, ParamValue]
    if size is None:
        text, change = "A hidden layer", {DEPTH.path: 1}
    elif (more := size.enlarged()) == size.value:
        return None
    else:
        text = f"{size.title} {model_size.text(more)} instead of {size}"
        change = {size.path: more}
    return Remedy(
        "more-capacity",
        f"{text}: a richer model can follow a pattern that this one misses.",
        change,
    )


def _no_regularisation(spec: RunSpec, _: CellContext) -> Remedy | None:
    present = spec.params()
    regularisers = (DROPOUT, WEIGHT_DECAY, L1_PENALTY, LABEL_SMOOTHING)
    changes = {
        hyperparameter.path: 0.0
        for hyperparameter in regularisers
        if present.get(hyperparameter.path)
    }
    if not changes:
        return None
    return Remedy(
        "no-regularisation",
        "Without dropout, weight decay, L1 or label smoothing nothing keeps the model from "
        "fitting.",
        changes,
    )


def _smaller_steps(spec: RunSpec, _: CellContext) -> Remedy | None:
    rate = spec.training.learning_rate
    if rate is None or not _follows_gradients(spec):
        return None
    smaller = rate / SLOWER_FACTOR
    return Remedy(
        "smaller-steps",
        f"A learning rate of {smaller:g} instead of {rate:g}: large steps jump over the valley "
        "they should descend into.",
        {LEARNING_RATE.path: smaller},
    )


REMEDIES: Mapping[str, Callable[[RunSpec, CellContext], Remedy | None]] = {
    "more-data": _more_data,
    "early-stopping": _early_stopping,
    "weight-decay": _weight_decay,
    "dropout": _dropout,
    "label-smoothing": _label_smoothing,
    "less-capacity": _less_capacity,
    "longer-training": _longer_training,
    "more-capacity": _more_capacity,
    "no-regularisation": _no_regularisation,
    "smaller-steps": _smaller_steps,
}
"""By slug, in the order in which they are offered when nothing is proposed."""


def _follows_gradients(spec: RunSpec) -> bool:
    return spec.optimizer.by_gradients
