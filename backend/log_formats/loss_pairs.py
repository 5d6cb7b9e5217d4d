"""Pairs of train and validation loss in a log, found by the names of its series."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import reduce
from typing import Literal

from backend.log_formats.history import MAX_SHOWN_CHARACTERS, Ambiguous, History, Unreadable
from backend.series import Series

DataPart = Literal["train", "validation", "test"]

_PARTS: dict[str, DataPart] = {
    **dict.fromkeys(("train", "training", "trn", "tr"), "train"),
    **dict.fromkeys(
        ("val", "valid", "validation", "dev", "eval", "evaluation", "heldout"), "validation"
    ),
    **dict.fromkeys(("test", "testing"), "test"),
}
_NUMBERED = re.compile(r"valid(?:ation)?_(\d{1,3})\b")
_SPLIT = re.compile(r"[^a-z0-9()]+")
_LOSSES = {
    "loss", "losses", "nll", "ce", "bce", "mse", "mae", "rmse", "crossentropy", "logloss", "error",
    "err", "cost", "objective", "perplexity", "ppl", "elbo", "entropy", "huber", "deviance", "l1",
    "l2", "merror", "rmsle", "mape",
}  # fmt: skip
_SCORES = {
    "acc", "accuracy", "auc", "auroc", "f1", "precision", "recall", "map", "map50", "r2", "iou",
    "dice", "score", "bleu",
}  # fmt: skip
_RANKS = {"epoch": 0, "step": 2, "batch": 2}
_FILLER = {"epoch", "step", "avg", "mean", "average", "batch", "metrics", "total", "running"}


@dataclass(frozen=True)
class SeriesName:
    """The name of a series, parsed: its part of the data, its measure, and its rank.

    The series of the lowest rank is preferred among those with the same measure: 0 is the mean over
    an epoch. `number` tells several validation sets apart: it is 0 in validation_0-logloss.
    """

    part: DataPart | None
    measure: str
    rank: int
    number: int | None = None

    @property
    def is_loss(self) -> bool:
        """Return whether the measure is a loss, which is minimised."""
        words = self.measure.split()
        if not words and self.part:  # a bare "train" or "val"
            return True
        return any(word in _LOSSES or word.endswith("loss") for word in words)

    @property
    def is_score(self) -> bool:
        """Return whether the measure is a score, which is maximised."""
        return not self.is_loss and any(word in _SCORES for word in self.measure.split())

    @property
    def is_accuracy(self) -> bool:
        """Return whether the measure is accuracy."""
        return any(
            word in ("acc", "accuracy") or "accuracy" in word for word in self.measure.split()
        )


def part_of(text: str) -> DataPart | None:
    """Return the part of the data that a whole name stands for, None if it is no such name."""
    return _PARTS.get(re.sub(r"_\d{1,3}$", "", text.strip().lower()))


def parse_name(text: str) -> SeriesName:
    """Parse the name of a series."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)  # valLoss
    words = [word for word in _SPLIT.split(spaced.lower()) if word]
    parts = [_PARTS[word] for word in words if word in _PARTS]
    rest = dict.fromkeys(word for word in words if word not in _PARTS and word not in _FILLER)
    rank = min((_RANKS[word] for word in words if word in _RANKS), default=1)
    measure = " ".join("accuracy" if word == "acc" else word for word in rest)
    part = parts[0] if parts else None
    if numbered := part == "validation" and _NUMBERED.match(text.lower()):
        return SeriesName(part, measure.removeprefix(numbered[1]).strip(), rank, int(numbered[1]))
    return SeriesName(part, measure, rank)


DETECTION_LOSSES = ("box", "cls", "dfl", "obj", "seg", "pose", "kobj", "rle")
"""Losses of object detectors (Ultralytics), which add up to the loss that is minimised."""
MAX_LISTED_NAMES = 12  # in a message
MAX_PAIRS_CHARACTERS = 400  # in a message

NamePair = tuple[str, str]
"""The names of a train and a validation series."""

_FROM_TEST = "validation: no series is named so, the test loss is taken for it"
_FROM_FIRST = "train: no series is named so, the first of the validation sets is taken for it"


@dataclass(frozen=True)
class LossPair:
    """Train and validation loss over steps, and validation accuracy if there is one.

    `names` are the names of the train and the validation series. `remarks` are the assumptions
    made.
    """

    train: Series
    validation: Series
    accuracy: Series | None
    names: tuple[str, str]
    remarks: Sequence[str] = ()


def find_losses(
    history: History, *, train: str | None = None, validation: str | None = None
) -> LossPair:
    """Return the losses of a history, or the requested series. Raises Unreadable and Ambiguous."""
    names = {name: parse_name(name) for name in history.series}
    if train or validation:
        pair = (_named(history, train, "train"), _named(history, validation, "validation"))
        return _loss_pair(history, names, [pair], ())
    choices: list[tuple[Mapping[str, SeriesName], DataPart, tuple[str, ...]]] = [
        (names, "validation", ()),
        (names, "test", (_FROM_TEST,)),
        (_first_set_as_train(names), "validation", (_FROM_FIRST,)),
    ]
    for parsed, part, remarks in choices:
        if pairs := _pairs(history, parsed, part):
            return _loss_pair(history, parsed, _chosen(pairs, parsed), remarks)
    listed = _listed(list(history.series))
    raise Unreadable(
        f"it has no pair of train and validation loss among {listed}; name them by --train and "
        "--validation"
    )


def _first_set_as_train(names: Mapping[str, SeriesName]) -> dict[str, SeriesName]:
    """Take the first of numbered validation sets for train, as is usual in XGBoost's eval_set."""
    several = any(name.number for name in names.values())
    return {
        key: replace(name, part="train") if several and name.number == 0 else name
        for key, name in names.items()
    }


def _named(history: History, name: str | None, part: str) -> str:
    """Return the name of a series that an option gives. Raises Unreadable."""
    if name in history.series:
        if parse_name(str(name)).is_score:
            raise Unreadable(f"--{part} is {name}, which grows as a fit gets better; name a loss")
        return str(name)
    option = f"--{part} is {name[:MAX_SHOWN_CHARACTERS]}" if name else f"--{part} is missing"
    fitting = [key for key in history.series if parse_name(key).part in (part, None)]
    near = get_close_matches(name or "", fitting, n=1, cutoff=0.5)
    meant = f" (did you mean {near[0][:MAX_SHOWN_CHARACTERS]}?)" if near else ""
    raise Unreadable(f"{option}{meant}; it has {_listed(list(history.series))}")


def _pairs(history: History, names: Mapping[str, SeriesName], part: DataPart) -> list[NamePair]:
    """Return pairs of a train series and a series of `part` with the same loss."""
    pairs = []
    for measure in dict.fromkeys(name.measure for name in names.values() if name.is_loss):
        train = _best(history, names, measure, ("train", None))
        held_out = _best(history, names, measure, (part,))
        if train and held_out:
            pairs.append((train, held_out))
    return pairs


def _best(
    history: History,
    names: Mapping[str, SeriesName],
    measure: str,
    parts: tuple[DataPart | None, ...],
) -> str | None:
    """Return the series of a measure and part with the lowest rank, and of these the longest."""
    fitting = [key for key, name in names.items() if name.measure == measure and name.part in parts]
    return min(fitting, key=lambda key: (names[key].rank, -len(history.series[key])), default=None)


def _chosen(pairs: list[NamePair], names: Mapping[str, SeriesName]) -> list[NamePair]:
    """Return the pair that is plainly the loss, or the pairs that add up to it.

    Raises Ambiguous.
    """
    measures = [names[validation].measure for _, validation in pairs]

    def with_measure(*accepted: str) -> list[NamePair]:
        return [p for p, measure in zip(pairs, measures, strict=True) if measure in accepted]

    plain = with_measure("loss") or with_measure("")
    losses = with_measure(*(measure for measure in measures if measure.endswith("loss")))
    plain = plain or (losses if len(losses) == 1 else [])  # logloss and error: logloss
    if len(pairs) == 1 or plain:
        return plain or pairs
    if all(measure.split()[0] in DETECTION_LOSSES for measure in measures):
        return pairs
    listed = " or ".join(
        f"{train} and {validation}" for train, validation in pairs[:MAX_LISTED_NAMES]
    )
    raise Ambiguous(
        "it has several pairs of losses; name one by --train and --validation: "
        f"{listed[:MAX_PAIRS_CHARACTERS]}"
    )


def _loss_pair(
    history: History,
    names: Mapping[str, SeriesName],
    pairs: list[NamePair],
    remarks: Sequence[str],
) -> LossPair:
    train, validation = (_sum([history.series[pair[i]] for pair in pairs]) for i in (0, 1))
    accuracies = [k for k, n in names.items() if n.is_accuracy and n.part == "validation"]
    accuracy = history.series[accuracies[0]] if accuracies else None
    unread = (history.unread[name] for pair in pairs for name in pair if name in history.unread)
    remarks = (*remarks, *unread)
    joined = (" + ".join(pair[0] for pair in pairs), " + ".join(pair[1] for pair in pairs))
    if len(validation) and not len(validation.finite):
        remarks = (*remarks, "validation: its loss is never a finite number")
    return LossPair(train, validation, accuracy, joined, remarks)


def _sum(parts: Sequence[Series]) -> Series:
    """Return the sum of series at the steps that all of them have."""
    return reduce(Series.plus, parts)


def _listed(names: Sequence[str]) -> str:
    hidden = len(names) - MAX_LISTED_NAMES
    more = f" and {hidden:,} more" if hidden > 0 else ""
    return ", ".join(name[:MAX_SHOWN_CHARACTERS] for name in names[:MAX_LISTED_NAMES]) + more
