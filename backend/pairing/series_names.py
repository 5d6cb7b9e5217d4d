"""The name of a series, parsed into its part of the data and its measure."""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

DataPart = Literal["train", "validation", "test"]

_PARTS: dict[str, DataPart] = {
    **dict.fromkeys(("train", "training", "trn", "tr", "trained", "dtrain", "learn"), "train"),
    **dict.fromkeys(
        (
            "val", "valid", "validation", "validate", "dev", "eval", "evaluation", "heldout",
            "holdout", "dval", "dvalid", "deval", "vali", "vld",
        ),
        "validation",
    ),
    **dict.fromkeys(("test", "testing", "tst", "dtest"), "test"),
}  # fmt: skip
_NUMBERED = re.compile(r"valid(?:ation)?_(\d{1,3})\b")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # valLoss
_ENGLISH = {
    "训练": "train", "验证": "val", "测试": "test", "损失": "loss", "准确率": "accuracy",
    "精度": "accuracy", "轮次": "epoch", "平均": "avg", "\uff1a": ":",
}  # fmt: skip
_CHINESE = re.compile("|".join(_ENGLISH))
_ONE_WORD = re.compile(r"mAP|mIoU|LogLoss|MLogLoss|mDice")
_WORD = re.compile(r"[a-z0-9()]+")
_JOINED = re.compile(
    r"(train(?:ing)?|trn|tr|val(?:id(?:ation)?)?|dev|eval|test|tst)(loss|acc|accuracy|err|error)s?"
)
DETECTION_LOSSES = (
    "box", "cls", "dfl", "obj", "seg", "pose", "kobj", "rle", "giou", "l1", "angle", "sem",
)  # fmt: skip
"""Losses of object detectors (Ultralytics), which add up to the loss that is minimised."""
_LOSSES = {
    "loss", "losses", "nll", "ce", "bce", "mse", "mae", "rmse", "crossentropy", "logloss", "error",
    "err", "cost", "objective", "perplexity", "ppl", "elbo", "entropy", "huber", "deviance", "l1",
    "l2", "merror", "rmsle", "mape", "mlogloss", "rmspe", "smape", "wape", "msle", "mdape", "rms",
    "poisson", "tweedie", "hinge", "focal", "kl", "kld", "kldiv", "bpd", "bpc", "bpb",
    "wer", "cer", "fid", "criterion", "misclassification", "quantile", "pinball",
    "errors",
}  # fmt: skip
_SCORES = {
    "acc", "accuracy", "auc", "auroc", "f1", "precision", "recall", "map", "map50", "r2", "iou",
    "dice", "score", "bleu", "miou", "jaccard", "auprc", "auprg", "ap", "mrr", "ndcg", "kappa",
    "mcc", "psnr", "ssim", "rouge", "rouge1", "rouge2", "rougel", "meteor", "cider", "em",
    "pearson", "pearsonr", "spearman", "spearmanr", "sensitivity", "specificity", "aucpr", "fscore",
    "roc", "average_precision", "cindex", "reward", "ari", "nmi", "qwk", "fbeta", "gini",
}  # fmt: skip
_SCORE = re.compile(
    r"(?:acc|top|hits|recall|precision|prec|map|ap|f|r|bleu|rouge)\d+(?:\([a-z]\))?"
)
_FILLER = {
    "epoch", "step", "avg", "mean", "average", "batch", "metrics", "total", "running", "set", "s",
    "data", "dataset", "per", "epochs", "history",
}  # fmt: skip
_NOT_MEASURES = _FILLER.union(_PARTS)

_SYNONYMS = {"acc": "accuracy", "losses": "loss", "accuracies": "accuracy"}

Span = Literal["epoch", "step", "batch"]
"""The time over which a value was averaged, as the ending of a name gives it."""
_SPANS: dict[str, Span] = {"epoch": "epoch", "step": "step", "batch": "batch"}
# Lightning logs a train loss as x_epoch and x_step; x is then the value of the last batch only.
_TRAIN_RANKS: dict[Span | None, int] = {"epoch": 0, "step": 1, None: 2, "batch": 3}
_HELD_OUT_RANKS: dict[Span | None, int] = {"epoch": 0, None: 1, "step": 2, "batch": 3}


class SeriesName(NamedTuple):
    """The name of a series, parsed: its part of the data, its measure, and its span.

    `number` tells several validation sets apart: it is 0 in validation_0-logloss.
    """

    part: DataPart | None
    measure: str
    span: Span | None = None
    number: int | None = None

    @property
    def rank(self) -> int:
        """The preference among series of the same part and measure; the lowest is preferred."""
        return (_TRAIN_RANKS if self.part in ("train", None) else _HELD_OUT_RANKS)[self.span]

    @property
    def is_loss(self) -> bool:
        """Return whether the measure is a loss, which is minimised."""
        words = self.measure.split()
        if not words:  # a bare "train" or "val", but not the counter "train/epoch"
            return self.part is not None and self.span is None
        if words[0] in ("box", "cls", "dfl", "obj") and len(words) == 2:
            return not _is_score(words[1])  # of YOLOv10: box_om
        return not _LOSSES.isdisjoint(words) or any(
            word.endswith(("loss", "losses")) for word in words
        )

    @property
    def is_score(self) -> bool:
        """Return whether the measure is a score, which is maximised."""
        return not self.is_loss and any(map(_is_score, self.measure.split()))

    @property
    def is_accuracy(self) -> bool:
        """Return whether the measure is accuracy."""
        return any(
            word in ("acc", "accuracy") or "accuracy" in word for word in self.measure.split()
        )


def _is_score(word: str) -> bool:
    return word in _SCORES or "accuracy" in word or bool(_SCORE.fullmatch(word))


def part_of(text: str) -> DataPart | None:
    """Return the part of the data that a whole name stands for, None if it is no such name."""
    return _PARTS.get(re.sub(r"_\d{1,3}$", "", text.strip().lower()))


@lru_cache(maxsize=1 << 15)  # the runs of an experiment have the same names
def parse_name(text: str) -> SeriesName:
    """Parse the name of a series."""
    text = translated(text)
    text = _ONE_WORD.sub(lambda match: match[0].lower(), text)
    words = _WORD.findall(text if text.islower() else _HUMP.sub(" ", text).lower())
    words = [part for word in words for part in _split(word)]
    parts = [_PARTS[word] for word in words if word in _PARTS]
    rest = dict.fromkeys([word for word in words if word not in _NOT_MEASURES])
    spans = [_SPANS[word] for word in words if word in _SPANS]
    span = min(spans, key=_TRAIN_RANKS.__getitem__) if spans else None
    measure = " ".join([_SYNONYMS.get(word, word) for word in rest])
    part = parts[0] if parts else None
    if numbered := part == "validation" and _NUMBERED.match(text.lower()):
        return SeriesName(part, measure.removeprefix(numbered[1]).strip(), span, int(numbered[1]))
    return SeriesName(part, measure, span)


def translated(text: str) -> str:
    """Return a text with the Chinese words for parts and measures in English."""
    if text.isascii():
        return text
    return _CHINESE.sub(lambda match: f"{_ENGLISH[match[0]]} ", text)


def _split(word: str) -> tuple[str, ...]:
    """Split a word such as trainloss into its part and its measure."""
    match = _JOINED.fullmatch(word)
    return (match[1], match[2]) if match else (word,)
