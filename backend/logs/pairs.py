"""Finds train and validation loss among the series of a history, by their names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from backend.analysis.curve import Series
from backend.logs.history import SHORT, Ambiguous, History, Unreadable
from backend.logs.names import Name, Part, name_of

DETECTION = ("box", "cls", "dfl", "obj", "seg", "pose", "kobj", "rle")
MOST_NAMES = 12


@dataclass(frozen=True)
class Paired:
    """Train and validation loss over steps, and validation accuracy if there is one.

    `names` are the series they come from: train, validation. `remarks` say what was assumed.
    """

    train: Series
    validation: Series
    accuracy: Series | None
    names: tuple[str, str]
    remarks: Sequence[str] = ()


def paired(history: History, *, train: str | None = None, validation: str | None = None) -> Paired:
    """Return the pair of a history, or that of the series named. Raises Unreadable."""
    names = {each: name_of(each) for each in history.series}
    if train or validation:
        pair = (_chosen(history, train, "train"), _chosen(history, validation, "validation"))
        return _pair(history, names, [pair], ())
    for part, remarks in (("validation", ()), ("test", (_TEST,))):
        pairs = _pairs(history, names, part)  # type: ignore[arg-type]
        if pairs:
            return _pair(history, names, _decided(pairs, names), remarks)
    raise Unreadable(f"it has no pair of train and validation loss {_found(history)}")


_TEST = "validation: no series is named so, the test loss is taken for it"


def _chosen(history: History, name: str | None, part: str) -> str:
    if name in history.series:
        return str(name)
    given = f"--{part} is {name[:SHORT]}" if name else f"--{part} is missing"
    raise Unreadable(f"{given}; it has {_listed(list(history.series))}")


def _pairs(history: History, names: Mapping[str, Name], part: Part) -> list[tuple[str, str]]:
    """Return train and validation series that measure the same loss."""
    pairs = []
    for what in dict.fromkeys(name.what for name in names.values() if name.is_loss):
        of_train = _best(history, names, what, ("train", None))
        of_part = _best(history, names, what, (part,))
        if of_train and of_part:
            pairs.append((of_train, of_part))
    return pairs


def _best(
    history: History, names: Mapping[str, Name], what: str, parts: tuple[Part | None, ...]
) -> str | None:
    """Return the series of a measure and part: that by epoch, and the longest."""
    fitting = [key for key, name in names.items() if name.what == what and name.part in parts]
    return min(fitting, key=lambda key: (names[key].rank, -len(history.series[key])), default=None)


def _decided(pairs: list[tuple[str, str]], names: Mapping[str, Name]) -> list[tuple[str, str]]:
    """Return the one pair that is meant, or those that add up to it."""
    plain = [p for p in pairs if names[p[1]].what == "loss"] or [
        p for p in pairs if not names[p[1]].what
    ]
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
    names: Mapping[str, Name],
    pairs: list[tuple[str, str]],
    remarks: Sequence[str],
) -> Paired:
    train, validation = (_sum([history.series[pair[i]] for pair in pairs]) for i in (0, 1))
    accuracies = [k for k, n in names.items() if n.is_accuracy and n.part == "validation"]
    accuracy = history.series[accuracies[0]] if accuracies else None
    joined = (" + ".join(pair[0] for pair in pairs), " + ".join(pair[1] for pair in pairs))
    if validation and not any(map(isfinite, validation.values())):
        remarks = (*remarks, "validation: its loss is never a finite number")
    return Paired(train, validation, accuracy, joined, remarks)


def _sum(parts: Sequence[Series]) -> Series:
    shared = set.intersection(*(set(part) for part in parts))
    return {step: sum(part[step] for part in parts) for step in sorted(shared)}


def _found(history: History) -> str:
    return f"among {_listed(list(history.series))}; name them by --train and --validation"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return ", ".join(name[:SHORT] for name in names[:MOST_NAMES]) + more
