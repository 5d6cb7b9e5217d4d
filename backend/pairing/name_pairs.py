"""Pairs of a train and a validation loss, ranked by their names."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from backend.pairing.series_names import DETECTION_LOSSES, DataPart, SeriesName, parse_name

NamePair = tuple[str, str]
"""The names of a train and a validation series."""

Order = Callable[[str, SeriesName], tuple[int, ...]]
"""The sort key of a series among those with the same part and measure; the lowest is taken."""

Kind = Literal["losses", "scores", "loss and score"]
"""A pair of losses; of scores, if there are no losses; or a train loss and a validation score."""

_FROM_TEST = "validation: no series is named so, the test loss is taken for it"
_FROM_FIRST = "train: no series is named so, the first of the validation sets is taken for it"
_ONLY = "{} and {} are paired, as no other losses are; if they measure different things, the gap "\
    "between them has no meaning"  # fmt: skip
_SETS = "{} is taken of the validation sets; the others are {}"
_USUAL = (
    "loss", "", "logloss", "mlogloss", "binary logloss", "multi logloss", "nll", "nll loss",
    "crossentropy", "cross entropy", "ce", "ce loss", "bce", "mse", "l2", "mean squared error",
    "rmse", "mae", "l1", "mean absolute error", "huber", "error", "err",
)  # fmt: skip
"""Measures of losses, the most usual first."""
_USUAL_SCORES = (
    "accuracy", "auc", "map50 95(b)", "map50 95", "map", "map50(b)", "map50", "f1", "dice", "iou",
    "r2", "score",
)  # fmt: skip
MAX_LISTED = 4


@dataclass(frozen=True)
class NamePairs:
    """The pairs of losses among some names.

    `best` is the most usual pair, or several pairs that add up to it; it is empty without `pairs`.
    `remarks` are the assumptions made. `kind` is what the pairs are made of.
    """

    pairs: Sequence[NamePair]
    best: Sequence[NamePair]
    remarks: tuple[str, ...] = ()
    kind: Kind = "losses"

    @property
    def others(self) -> Sequence[NamePair]:
        """The pairs that are not the best."""
        return [pair for pair in self.pairs if pair not in self.best]


def find_name_pairs(names: Iterable[str], order: Order) -> NamePairs:
    """Return the pairs of losses among names: with the same measure, or else the only ones."""
    parsed = {name: parse_name(name) for name in names}
    choices: list[tuple[Mapping[str, SeriesName], DataPart, tuple[str, ...]]] = [
        (parsed, "validation", ()),
        (parsed, "test", (_FROM_TEST,)),
        (_first_set_as_train(parsed), "validation", (_FROM_FIRST,)),
    ]
    for candidates, part, remarks in choices:
        if pairs := _pairs(candidates, part, order, _is_loss):
            return NamePairs(pairs, _best(pairs), remarks)
    for part, remarks in (("validation", ()), ("test", (_FROM_TEST,))):
        if pair := _of_two_names(parsed, part, order):
            return NamePairs([pair[0]], [pair[0]], (*remarks, *pair[1]))
    return NamePairs([], [])


def find_score_pairs(names: Iterable[str], order: Order) -> NamePairs:
    """Return the pairs of scores, such as accuracy, or of a train loss and a validation score."""
    parsed = {name: parse_name(name) for name in names}
    for candidates in (parsed, _first_set_as_train(parsed)):
        for part in _HELD_OUT:
            if pairs := _pairs(candidates, part, order, _is_score):
                return NamePairs(pairs, _first_usual(pairs, _USUAL_SCORES), kind="scores")
    train = [name for name, each in parsed.items() if each.is_loss and each.part in ("train", None)]
    for held_part in (*_HELD_OUT, None):
        scores = [key for key, each in parsed.items() if each.is_score and each.part == held_part]
        if train and scores:
            held_out = min(scores, key=lambda name: _place(parsed[name].measure, _USUAL_SCORES))
            usual = min(train, key=lambda name: _place(parsed[name].measure, _USUAL))
            pair = (_first([each for each in train if parsed[each].measure
                            == parsed[usual].measure], order), held_out)  # fmt: skip
            return NamePairs([pair], [pair], kind="loss and score")
    return NamePairs([], [])


def find_unknown_pairs(names: Iterable[str], order: Order) -> NamePairs:
    """Return the pairs of an unknown measure on both parts of the data."""
    parsed = {name: parse_name(name) for name in names}
    for part in _HELD_OUT:
        found = _pairs(parsed, part, order, _is_unknown)
        if pairs := [pair for pair in found if parsed[pair[0]].part == "train"]:
            return NamePairs(pairs, pairs[:1])
    return NamePairs([], [])


_HELD_OUT: tuple[DataPart, DataPart] = ("validation", "test")


def partner_of(name: str, names: Iterable[str], order: Order) -> str | None:
    """Return the series of the measure of `name` on the other part of the data, None without."""
    given = parse_name(name)
    fitting: dict[DataPart | None, list[str]] = {}
    for other in names:
        parsed = parse_name(other)
        if other != name and parsed.measure == given.measure:
            fitting.setdefault(parsed.part, []).append(other)
    train = fitting.get("train", []) + fitting.get(None, [])
    held_out = fitting.get("validation") or fitting.get("test") or []
    partners = held_out if given.part in ("train", None) else train
    return _first(partners, order) if partners else None


def _first(names: list[str], order: Order) -> str:
    if len(names) == 1:
        return names[0]  # without `order`, which may have to read the points
    return min(names, key=lambda name: order(name, parse_name(name)))


def _is_loss(name: SeriesName) -> bool:
    return name.is_loss


def _is_score(name: SeriesName) -> bool:
    return name.is_score


def _is_unknown(name: SeriesName) -> bool:
    words = set(name.measure.split())
    return not (name.is_loss or name.is_score) and bool(words) and words.isdisjoint(_NOT_MEASURES)


_NOT_MEASURES = frozenset((
    "time", "lr", "runtime", "samples", "second", "size", "loader", "count", "steps", "learning",
    "rate", "speed", "memory", "scale", "grad", "norm", "num", "seconds", "sec", "minutes", "n",
    "duration", "timestamp", "tokens",
))  # fmt: skip


def _first_set_as_train(names: Mapping[str, SeriesName]) -> dict[str, SeriesName]:
    """Take the first of numbered validation sets for train, as is usual in XGBoost's eval_set."""
    several = any(name.number for name in names.values())
    return {
        key: name._replace(part="train") if several and name.number == 0 else name
        for key, name in names.items()
    }


def _pairs(
    names: Mapping[str, SeriesName],
    part: DataPart,
    order: Order,
    fits: Callable[[SeriesName], bool],
) -> list[NamePair]:
    """Return pairs of a train series and a series of `part` with the same measure."""
    measures: dict[str, tuple[list[str], list[str]]] = {}
    for key, name in names.items():
        if fits(name):
            train, held_out = measures.setdefault(name.measure, ([], []))
            if name.part in ("train", None):
                train.append(key)
            elif name.part == part:
                held_out.append(key)
    return [
        (_first(train, order), _first(held_out, order))
        for train, held_out in measures.values()
        if train and held_out
    ]


def _of_two_names(
    names: Mapping[str, SeriesName], part: DataPart, order: Order
) -> tuple[NamePair, tuple[str, ...]] | None:
    """Return a train and a validation loss of different measures, if no others are as usual."""
    train = [key for key, name in names.items() if name.is_loss and name.part in ("train", None)]
    held_out = [key for key, name in names.items() if name.is_loss and name.part == part]
    if not train or not held_out:
        return None
    usual = min(
        train, key=lambda key: (_place(names[key].measure, _USUAL), *order(key, names[key]))
    )
    ending = names[usual].measure.split()[-1:]
    sets = [key for key in held_out if names[key].measure.split()[-1:] == ending]
    if len(sets) > 1:  # eval_<set>_loss
        others = ", ".join(sets[1 : 1 + MAX_LISTED])
        return (usual, sets[0]), (_SETS.format(sets[0], others),)
    best = sets or sorted(held_out, key=lambda key: _place(names[key].measure, _USUAL))
    return (usual, best[0]), () if sets else (_ONLY.format(usual, best[0]),)


def _best(pairs: Sequence[NamePair]) -> Sequence[NamePair]:
    """Return the most usual pair, or the pairs that add up to it."""
    by_measure: dict[str, list[NamePair]] = {}
    for pair in pairs:
        by_measure.setdefault(parse_name(pair[1]).measure, []).append(pair)
    plain = by_measure.get("loss") or by_measure.get("")
    losses = [measure for measure in by_measure if measure.endswith("loss")]
    if plain is None and len(losses) == 1:  # logloss and error: logloss
        plain = by_measure[losses[0]]
    if plain is not None or len(pairs) == 1:
        return plain or pairs
    detection = [measure for measure in by_measure if measure.split()[0] in DETECTION_LOSSES]
    if len(detection) > 1 and len(detection) == len(by_measure):
        return pairs
    return _first_usual(pairs, _USUAL)


def _first_usual(pairs: Sequence[NamePair], usual: Sequence[str]) -> Sequence[NamePair]:
    """Return the pair with the most usual measure, the first of equals."""
    return [min(pairs, key=lambda pair: _place(parse_name(pair[1]).measure, usual))]


def _place(measure: str, usual: Sequence[str]) -> int:
    return usual.index(measure) if measure in usual else len(usual)
