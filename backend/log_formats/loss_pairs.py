"""The losses of a history that was read from a log."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import reduce

from backend.log_formats.history import MAX_SHOWN_CHARACTERS, Ambiguous, History, Unreadable
from backend.pairing.loss_pair import LossPair
from backend.pairing.name_pairs import NamePair, find_name_pairs
from backend.pairing.series_names import SeriesName, parse_name
from backend.series import Series

MAX_LISTED_NAMES = 12  # in a message
MAX_PAIRS_CHARACTERS = 400  # in a message


def find_losses(
    history: History,
    *,
    train: str | None = None,
    validation: str | None = None,
    option: str = "--{}",
) -> LossPair:
    """Return the losses of a history, or the requested series.

    `option` is the form of options in messages. Raises Unreadable and Ambiguous.
    """
    by_train, by_validation = option.format("train"), option.format("validation")
    if train or validation:
        pair = (_named(history, train, by_train), _named(history, validation, by_validation))
        return _loss_pair(history, [pair], ())

    def longest(key: str, name: SeriesName) -> tuple[int, ...]:
        return name.rank, -len(history.series[key])

    found = find_name_pairs(history.series, longest)
    if found.best:
        return _loss_pair(history, found.best, found.remarks)
    if found.pairs:
        raise Ambiguous(
            f"it has several pairs of losses; name one by {by_train} and {by_validation}: "
            f"{_in_words(found.pairs)}"
        )
    listed = _listed(list(history.series))
    raise Unreadable(
        f"it has no pair of train and validation loss among {listed}; name them by {by_train} and "
        f"{by_validation}"
    )


def _preferred(_key: str, name: SeriesName) -> tuple[int, ...]:
    return (name.rank,)


def has_losses(
    history: History, *, train: str | None = None, validation: str | None = None
) -> bool:
    """Return whether a history has a pair of losses, or several pairs to choose from."""
    try:
        find_losses(history, train=train, validation=validation)
    except Ambiguous:
        return True
    except Unreadable:
        return False
    return True


def loss_choices(history: History) -> Sequence[NamePair]:
    """Return the pairs of a train and a validation series that can be chosen, the best first."""
    found = find_name_pairs(history.series, _preferred)
    return [*found.best, *(pair for pair in found.pairs if pair not in found.best)]


def _in_words(pairs: Sequence[NamePair]) -> str:
    listed = " or ".join(
        f"{train} and {validation}" for train, validation in pairs[:MAX_LISTED_NAMES]
    )
    return listed[:MAX_PAIRS_CHARACTERS]


def _named(history: History, name: str | None, given_by: str) -> str:
    """Return the name of a series that an option gives. Raises Unreadable."""
    if name in history.series:
        if parse_name(str(name)).is_score:
            raise Unreadable(f"{given_by} is {name}, which grows as a fit gets better; name a loss")
        return str(name)
    wrong = f"is {name[:MAX_SHOWN_CHARACTERS]}" if name else "is missing"
    part = "train" if "train" in given_by else "validation"
    fitting = [key for key in history.series if parse_name(key).part in (part, None)]
    near = get_close_matches(name or "", fitting, n=1, cutoff=0.5)
    meant = f" (did you mean {near[0][:MAX_SHOWN_CHARACTERS]}?)" if near else ""
    raise Unreadable(f"{given_by} {wrong}{meant}; it has {_listed(list(history.series))}")


def _loss_pair(history: History, pairs: Sequence[NamePair], remarks: Sequence[str]) -> LossPair:
    train, validation = (_sum([history.series[pair[i]] for pair in pairs]) for i in (0, 1))
    unread = (history.unread[name] for pair in pairs for name in pair if name in history.unread)
    remarks = (*remarks, *unread)
    joined = (" + ".join(pair[0] for pair in pairs), " + ".join(pair[1] for pair in pairs))
    if len(validation) and not len(validation.finite):
        remarks = (*remarks, "validation: its loss is never a finite number")
    accuracy = _validation_accuracy(history.series)
    return LossPair(train, validation, accuracy, joined, remarks, history.unit)


def _validation_accuracy(series: Mapping[str, Series]) -> Series | None:
    names = ((key, parse_name(key)) for key in series)
    accuracies = (k for k, name in names if name.is_accuracy and name.part == "validation")
    return next((series[key] for key in accuracies), None)


def _sum(parts: Sequence[Series]) -> Series:
    """Return the sum of series at the steps that all of them have."""
    return reduce(Series.plus, parts)


def _listed(names: Sequence[str]) -> str:
    hidden = len(names) - MAX_LISTED_NAMES
    more = f" and {hidden:,} more" if hidden > 0 else ""
    return ", ".join(name[:MAX_SHOWN_CHARACTERS] for name in names[:MAX_LISTED_NAMES]) + more
