"""Names of series in logs: the part of the data and the measure that a name stands for."""

import re
from dataclasses import dataclass
from typing import Literal

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
