"""The losses of a history that was read from a log."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import reduce

import numpy as np

from backend.log_formats.common_axis import on_common_axis
from backend.log_formats.history import MAX_SHOWN_CHARACTERS, History, Unreadable
from backend.pairing.loss_pair import LossPair
from backend.pairing.name_pairs import (
    NamePair,
    NamePairs,
    Order,
    find_name_pairs,
    find_score_pairs,
    find_unknown_pairs,
    partner_of,
)
from backend.pairing.scores import kind_of, scores_as_losses
from backend.pairing.series_names import SeriesName, parse_name
from backend.series import Series

MAX_LISTED_NAMES = 12  # in a message
SEVERAL = "several pairs would do, such as {} and {}; {} and {} choose another"
TAKEN_FOR_LOSS = "{} and {} are taken for losses, as no others are"


def find_losses(
    history: History,
    *,
    train: str | None = None,
    validation: str | None = None,
    option: str = "--{}",
) -> LossPair:
    """Return the losses of a history, or the requested series, on a common axis.

    Without losses, scores such as accuracy are turned into losses. `option` is the form of options
    in messages. Raises Unreadable.
    """
    by_train, by_validation = option.format("train"), option.format("validation")
    if train or validation:
        requested = _requested(history, train, validation, (by_train, by_validation))
        return _loss_pair(history, NamePairs([requested], [requested], kind=kind_of(*requested)))
    found = _found(history)
    if not found.best:
        listed = _listed(list(history.series))
        raise Unreadable(
            f"it has no pair of train and validation loss among {listed}; name them by {by_train} "
            f"and {by_validation}"
        )
    if found.others:
        note = SEVERAL.format(*found.others[0], by_train, by_validation)
        found = replace(found, remarks=(*found.remarks, note))
    return _loss_pair(history, found)


def has_losses(
    history: History, *, train: str | None = None, validation: str | None = None
) -> bool:
    """Return whether a history has a pair of losses or scores."""
    try:
        find_losses(history, train=train, validation=validation)
    except Unreadable:
        return False
    return True


def loss_choices(history: History) -> Sequence[NamePair]:
    """Return the pairs of a train and a validation series that can be chosen, the best first."""
    found = _found(history)
    return [*found.best, *found.others]


def _found(history: History) -> NamePairs:
    order = _order(history)
    curves = [name for name, series in history.series.items() if len(series) > 1]
    found = find_name_pairs(curves, order)
    if not found.best:
        found = find_score_pairs(curves, order)
    if not found.best and (unknown := find_unknown_pairs(curves, order)).best:
        remark = TAKEN_FOR_LOSS.format(*unknown.best[0])
        found = replace(unknown, remarks=(remark,))
    return found if found.best else find_name_pairs(history.series, order)


def _order(history: History) -> Order:
    """Return an order that takes series with steps of validation first, then by name and length."""
    held_out = [
        series.steps
        for name, series in history.series.items()
        if parse_name(name).part in ("validation", "test")
    ]
    steps = np.unique(np.concatenate(held_out)) if held_out else np.empty(0)

    def order(key: str, name: SeriesName) -> tuple[int, ...]:
        series = history.series[key]
        shared = int(np.isin(series.steps, steps).sum())
        other_steps = 2 * shared < min(len(series), len(steps))
        return other_steps, name.rank, name.part is None, -len(series)

    return order


def _requested(
    history: History, train: str | None, validation: str | None, options: tuple[str, str]
) -> NamePair:
    """Return the named series, and the partner of a single one. Raises Unreadable."""
    if not (train and validation):
        given = train or validation or ""
        partner = partner_of(given, history.series, _order(history)) if given else None
        train, validation = train or partner, validation or partner
    return _named(history, train, options[0]), _named(history, validation, options[1])


def _named(history: History, name: str | None, given_by: str) -> str:
    """Return the name of a series that an option gives. Raises Unreadable."""
    if name in history.series:
        return str(name)
    wrong = f"is {name[:MAX_SHOWN_CHARACTERS]}" if name else "is missing"
    part = "train" if "train" in given_by else "validation"
    fitting = [key for key in history.series if parse_name(key).part in (part, None)]
    near = get_close_matches(name or "", fitting, n=1, cutoff=0.5)
    meant = f" (did you mean {near[0][:MAX_SHOWN_CHARACTERS]}?)" if near else ""
    raise Unreadable(f"{given_by} {wrong}{meant}; it has {_listed(list(history.series))}")


def _loss_pair(history: History, found: NamePairs) -> LossPair:
    pairs = found.best
    train, validation = (_sum([history.series[pair[i]] for pair in pairs]) for i in (0, 1))
    unread = (history.unread[name] for pair in pairs for name in pair if name in history.unread)
    joined = (" + ".join(pair[0] for pair in pairs), " + ".join(pair[1] for pair in pairs))
    placed = on_common_axis(history, train, validation, pairs)
    remarks = (*found.remarks, *unread, *placed.remarks)
    if len(placed.validation) and not len(placed.validation.finite):
        remarks = (*remarks, "validation: its loss is never a finite number")
    accuracy, on_train = (_accuracy(history.series, part) for part in ("validation", "train"))
    pair = LossPair(
        placed.train,
        placed.validation,
        accuracy,
        joined,
        remarks,
        placed.unit,
        train_accuracy=on_train,
    )
    return pair if found.kind == "losses" else scores_as_losses(pair, found.kind)


def _accuracy(series: Mapping[str, Series], part: str) -> Series | None:
    """Return the first accuracy of a part; one without a part is that of training."""
    names = [(key, parse_name(key)) for key in series]
    parts = (part, None) if part == "train" else (part,)
    accuracies = (k for k, name in names if name.is_accuracy and name.part in parts)
    return next((series[key] for key in accuracies), None)


def _sum(parts: Sequence[Series]) -> Series:
    """Return the sum of series at the steps that all of them have."""
    return reduce(Series.plus, parts)


def _listed(names: Sequence[str]) -> str:
    hidden = len(names) - MAX_LISTED_NAMES
    more = f" and {hidden:,} more" if hidden > 0 else ""
    return ", ".join(name[:MAX_SHOWN_CHARACTERS] for name in names[:MAX_LISTED_NAMES]) + more
