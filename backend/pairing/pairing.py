"""The losses of a run that a client logged: found by name, then placed on a common axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice

from backend.pairing.axes import AxisName
from backend.pairing.logged_points import LoggedPoints, by_step
from backend.pairing.loss_pair import LossPair
from backend.pairing.name_pairs import NamePair, NamePairs, Order, find_name_pairs, partner_of
from backend.pairing.placing import EPOCH_KEYS, Metrics, RunClues, as_pair, place_losses
from backend.pairing.series_names import SeriesName, parse_name

SYSTEM_PREFIX = "system/"  # metrics of the machine, which MLflow logs on its own
# transformers logs the average train loss of the whole training under the first name if it has
# logged train loss under the second
AVERAGES = {"train_loss": "loss", "train/train_loss": "train/loss"}
HELD_OUT_LOSSES = ("eval_loss", "eval/loss")  # of transformers
MAX_ALTERNATIVES = 100  # listed pairs
MAX_TRIED = 200  # pairs whose points are read in search of a curve


@dataclass(frozen=True)
class Chosen:
    """The series and the axis that a person chose; None leaves the choice to the rules."""

    train: str | None = None
    validation: str | None = None
    axis: AxisName | None = None


@dataclass(frozen=True)
class Pairing:
    """The losses of a run, None if it has no pair of curves, and a sentence with the reason.

    `alternatives` are the other pairs of losses among the names.
    """

    pair: LossPair | None
    reason: str
    alternatives: Sequence[NamePair] = ()


NO_CHOICE = Chosen()


def pair_losses(
    metrics: Metrics, *, params: Mapping[str, str] | None = None, chosen: Chosen = NO_CHOICE
) -> Pairing:
    """Return the train and the validation loss among metrics, or what a person chose.

    `params` are the params and tags of the run. Only the points of losses and of a few metrics
    that explain them are read.
    """
    names = loss_candidates(metrics)
    found = find_name_pairs(names, _curves_first(metrics))
    if chosen.train or chosen.validation:
        wanted = _chosen_pair(metrics, names, chosen)
        if isinstance(wanted, str):
            return Pairing(None, wanted, found.pairs[:MAX_ALTERNATIVES])
        pairs: Sequence[NamePair] | None = [wanted]
    else:
        pairs = _first_of_curves(metrics, found)
    if not pairs:
        return Pairing(None, _missing(names, found), found.pairs[:MAX_ALTERNATIVES])
    others = tuple(islice((pair for pair in found.pairs if pair not in pairs), MAX_ALTERNATIVES))
    clues = RunClues(metrics, params or {})
    return _placed(clues, pairs, found.remarks, chosen, others)


def is_system_metric(name: str) -> bool:
    """Return whether a metric measures the machine and not the model."""
    return name.startswith(SYSTEM_PREFIX)


def loss_candidates(metrics: Metrics) -> list[str]:
    """Return the names that can be a loss: not of the machine, no counters, no averages."""
    averages = {
        average
        for average, loss in AVERAGES.items()
        if loss in metrics and any(name in metrics for name in HELD_OUT_LOSSES)
    }
    left_out = averages.union(EPOCH_KEYS)
    return [name for name in metrics if not is_system_metric(name) and name not in left_out]


def _curves_first(metrics: Metrics) -> Order:
    """Return an order that takes curves first, then the preferred name, then the longest."""

    def order(key: str, name: SeriesName) -> tuple[int, ...]:
        points = metrics[key]
        return not points.is_curve, name.rank, -len(points)

    return order


def _chosen_pair(metrics: Metrics, names: list[str], chosen: Chosen) -> NamePair | str:
    """Return the chosen names and the partner of a single one, or why there is no partner."""
    for part, wanted in (("train", chosen.train), ("validation", chosen.validation)):
        if wanted is not None and wanted not in metrics:
            return f"The metric {wanted}, chosen as {part} loss, is not logged by this run."
    given = chosen.train or chosen.validation or ""
    partner = partner_of(given, names, _curves_first(metrics))
    train, validation = chosen.train or partner, chosen.validation or partner
    if train is None or validation is None:
        part = "train" if train is None else "validation"
        return f"No metric is the {part} loss that belongs to {given}; choose one."
    return train, validation


def _first_of_curves(metrics: Metrics, found: NamePairs) -> Sequence[NamePair] | None:
    """Return the pairs that are the loss and have curves, else those with several points."""
    by_name = sorted(found.pairs, key=lambda pair: not parse_name(pair[1]).measure.endswith("loss"))
    choices = [[*found.best]] if found.best else []
    choices += [[pair] for pair in by_name[:MAX_TRIED]]

    def points(pairs: Sequence[NamePair]) -> list[LoggedPoints]:
        return [metrics[name] for pair in pairs for name in pair]

    curves = (pairs for pairs in choices if all(p.is_curve for p in points(pairs)))
    several = (pairs for pairs in choices if all(len(p) > 1 for p in points(pairs)))
    return next(curves, None) or next(several, None)


def _missing(names: list[str], found: NamePairs) -> str:
    """Return why there is no pair of curves."""
    if found.pairs:
        train, validation = (found.best or found.pairs)[0]
        return f"{train} and {validation} have a single value each: too few for a curve."
    parsed = [(name, parse_name(name)) for name in names]
    losses = [(key, name) for key, name in parsed if name.is_loss]
    if not losses:
        return "None of the metrics is named like a loss; choose the train and validation loss."
    on_train = next((key for key, name in losses if name.part in ("train", None)), None)
    if on_train is None:
        return f"{losses[0][0]} is a validation loss, and there is no train loss of its kind."
    return f"{on_train} is a train loss, and there is no validation loss of its kind."


def _placed(
    clues: RunClues,
    pairs: Sequence[NamePair],
    remarks: Sequence[str],
    chosen: Chosen,
    others: Sequence[NamePair],
) -> Pairing:
    train, validation = (_sum([clues.metrics[pair[i]] for pair in pairs]) for i in (0, 1))
    names = (" + ".join(pair[0] for pair in pairs), " + ".join(pair[1] for pair in pairs))
    placed, left_out = place_losses(train, validation, clues, chosen.axis)
    if placed is None:
        reason = f"{names[0]} and {names[1]} have a single step and a single time, so no order."
        return Pairing(None, reason, others)
    accuracies = [_accuracy(clues.metrics, validation, part) for part in ("validation", "train")]
    pair = as_pair(placed, accuracies, names, [*remarks, *left_out])
    how = "chosen as" if chosen.train or chosen.validation else "named like"
    reason = f"{names[0]} and {names[1]} are {how} train and validation loss; {placed.reason}."
    return Pairing(pair, reason, others)


def _sum(parts: Sequence[LoggedPoints]) -> LoggedPoints:
    """Return the sum of points at the steps that all of them have."""
    return parts[0] if len(parts) == 1 else reduce(LoggedPoints.plus, map(by_step, parts))


def _accuracy(metrics: Metrics, validation: LoggedPoints, part: str) -> LoggedPoints | None:
    """Return the first accuracy of a part that has about as many points as validation loss.

    An accuracy without a part is that of training.
    """
    names = (key for key in metrics if "acc" in key.lower() and not is_system_metric(key))
    found = (key for key in names if _is_accuracy(parse_name(key), part))
    points = (metrics[key] for key in found)
    return next((p for p in points if 2 * len(p) > len(validation)), None)


def _is_accuracy(name: SeriesName, part: str) -> bool:
    return name.is_accuracy and (name.part or "train") == part
