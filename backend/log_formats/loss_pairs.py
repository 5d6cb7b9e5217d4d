"""Finds train and validation loss among the series of a history, by their names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np

from backend.log_formats.history import SHORT, Ambiguous, History, Unreadable
from backend.log_formats.series_names import DataPart, SeriesName, parse_name
from backend.series import Series

DETECTION = ("box", "cls", "dfl", "obj", "seg", "pose", "kobj", "rle")
MOST_NAMES = 12


@dataclass(frozen=True)
class LossPair:
    """Train and validation loss over steps, and validation accuracy if there is one.

    `names` are the series they come from: train, validation. `remarks` say what was assumed.
    """

    train: Series
    validation: Series
    accuracy: Series | None
    names: tuple[str, str]
    remarks: Sequence[str] = ()


def find_losses(
    history: History, *, train: str | None = None, validation: str | None = None
) -> LossPair:
    """Return the pair of a history, or that of the series named. Raises Unreadable."""
    names = {each: parse_name(each) for each in history.series}
    if train or validation:
        pair = (_chosen(history, train, "train"), _chosen(history, validation, "validation"))
        return _pair(history, names, [pair], ())
    choices: list[tuple[Mapping[str, SeriesName], DataPart, tuple[str, ...]]] = [
        (names, "validation", ()),
        (names, "test", (_TEST,)),
        (_first_is_train(names), "validation", (_FIRST,)),
    ]
    for named, part, remarks in choices:
        if pairs := _pairs(history, named, part):
            return _pair(history, named, _decided(pairs, named), remarks)
    raise Unreadable(f"it has no pair of train and validation loss {_found(history)}")


_TEST = "validation: no series is named so, the test loss is taken for it"

_FIRST = "train: no series is named so, the first of the validation sets is taken for it"


def _first_is_train(names: Mapping[str, SeriesName]) -> dict[str, SeriesName]:
    """Take the first of numbered sets for train, with which XGBoost's eval_set mostly begins."""
    several = any(name.number for name in names.values())
    first = {each for each, name in names.items() if several and name.number == 0}
    return {
        each: replace(name, part="train") if each in first else name for each, name in names.items()
    }


def _chosen(history: History, name: str | None, part: str) -> str:
    if name in history.series:
        if parse_name(str(name)).is_score:
            raise Unreadable(f"--{part} is {name}, which grows as a fit gets better; name a loss")
        return str(name)
    given = f"--{part} is {name[:SHORT]}" if name else f"--{part} is missing"
    fitting = [each for each in history.series if parse_name(each).part in (part, None)]
    near = get_close_matches(name or "", fitting, n=1, cutoff=0.5)
    meant = f" (did you mean {near[0][:SHORT]}?)" if near else ""
    raise Unreadable(f"{given}{meant}; it has {_listed(list(history.series))}")


def _pairs(
    history: History, names: Mapping[str, SeriesName], part: DataPart
) -> list[tuple[str, str]]:
    """Return train and validation series that measure the same loss."""
    pairs = []
    for what in dict.fromkeys(name.what for name in names.values() if name.is_loss):
        of_train = _best(history, names, what, ("train", None))
        of_part = _best(history, names, what, (part,))
        if of_train and of_part:
            pairs.append((of_train, of_part))
    return pairs


def _best(
    history: History, names: Mapping[str, SeriesName], what: str, parts: tuple[DataPart | None, ...]
) -> str | None:
    """Return the series of a measure and part: that by epoch, and the longest."""
    fitting = [key for key, name in names.items() if name.what == what and name.part in parts]
    return min(fitting, key=lambda key: (names[key].rank, -len(history.series[key])), default=None)


def _decided(
    pairs: list[tuple[str, str]], names: Mapping[str, SeriesName]
) -> list[tuple[str, str]]:
    """Return the one pair that is meant, or those that add up to it."""
    whats = [names[pair[1]].what for pair in pairs]
    plain = [p for p, what in zip(pairs, whats, strict=True) if what == "loss"]
    plain = plain or [p for p, what in zip(pairs, whats, strict=True) if not what]
    losses = [p for p, what in zip(pairs, whats, strict=True) if what.endswith("loss")]
    plain = plain or (losses if len(losses) == 1 else [])  # logloss beside error
    if len(pairs) == 1 or plain:
        return plain or pairs
    if all(names[pair[1]].what.split()[0] in DETECTION for pair in pairs):
        return pairs
    told = " or ".join(f"{train} and {validation}" for train, validation in pairs[:MOST_NAMES])
    raise Ambiguous(
        f"it has several pairs of losses; name one by --train and --validation: {told[:400]}"
    )


def _pair(
    history: History,
    names: Mapping[str, SeriesName],
    pairs: list[tuple[str, str]],
    remarks: Sequence[str],
) -> LossPair:
    train, validation = (_sum([history.series[pair[i]] for pair in pairs]) for i in (0, 1))
    accuracies = [k for k, n in names.items() if n.is_accuracy and n.part == "validation"]
    accuracy = history.series[accuracies[0]] if accuracies else None
    remarks = (*remarks, *(history.unread[k] for p in pairs for k in p if k in history.unread))
    joined = (" + ".join(pair[0] for pair in pairs), " + ".join(pair[1] for pair in pairs))
    if len(validation) and not len(validation.finite):
        remarks = (*remarks, "validation: its loss is never a finite number")
    return LossPair(train, validation, accuracy, joined, remarks)


def _sum(parts: Sequence[Series]) -> Series:
    first, *others = parts
    for other in others:
        common = np.intersect1d(first.steps, other.steps)
        first = Series(common, first.values_at(common) + other.values_at(common))
    return first


def _found(history: History) -> str:
    return f"among {_listed(list(history.series))}; name them by --train and --validation"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return ", ".join(name[:SHORT] for name in names[:MOST_NAMES]) + more
