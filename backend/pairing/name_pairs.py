"""Pairs of a train and a validation loss, ranked by their names."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from backend.pairing.series_names import DataPart, SeriesName, parse_name

NamePair = tuple[str, str]
"""The names of a train and a validation series."""

Order = Callable[[str, SeriesName], tuple[int, ...]]
"""The sort key of a series among those with the same part and measure; the lowest is taken."""

DETECTION_LOSSES = ("box", "cls", "dfl", "obj", "seg", "pose", "kobj", "rle")
"""Losses of object detectors (Ultralytics), which add up to the loss that is minimised."""

_FROM_TEST = "validation: no series is named so, the test loss is taken for it"
_FROM_FIRST = "train: no series is named so, the first of the validation sets is taken for it"


@dataclass(frozen=True)
class NamePairs:
    """The pairs of losses among some names.

    `best` is the pair that is plainly the loss, or several pairs that add up to it. It is empty if
    no name tells which of `pairs` is the loss. `remarks` are the assumptions made.
    """

    pairs: Sequence[NamePair]
    best: Sequence[NamePair]
    remarks: tuple[str, ...] = ()


def find_name_pairs(names: Iterable[str], order: Order) -> NamePairs:
    """Return the pairs of losses among names."""
    parsed = {name: parse_name(name) for name in names}
    choices: list[tuple[Mapping[str, SeriesName], DataPart, tuple[str, ...]]] = [
        (parsed, "validation", ()),
        (parsed, "test", (_FROM_TEST,)),
        (_first_set_as_train(parsed), "validation", (_FROM_FIRST,)),
    ]
    for candidates, part, remarks in choices:
        if pairs := _pairs(candidates, part, order):
            return NamePairs(pairs, _best(pairs), remarks)
    return NamePairs([], [])


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


def _first_set_as_train(names: Mapping[str, SeriesName]) -> dict[str, SeriesName]:
    """Take the first of numbered validation sets for train, as is usual in XGBoost's eval_set."""
    several = any(name.number for name in names.values())
    return {
        key: name._replace(part="train") if several and name.number == 0 else name
        for key, name in names.items()
    }


def _pairs(names: Mapping[str, SeriesName], part: DataPart, order: Order) -> list[NamePair]:
    """Return pairs of a train series and a series of `part` with the same loss."""
    measures: dict[str, tuple[list[str], list[str]]] = {}
    for key, name in names.items():
        if name.is_loss:
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


def _best(pairs: Sequence[NamePair]) -> Sequence[NamePair]:
    """Return the pair that is plainly the loss, or the pairs that add up to it."""
    by_measure: dict[str, list[NamePair]] = {}
    for pair in pairs:
        by_measure.setdefault(parse_name(pair[1]).measure, []).append(pair)
    plain = by_measure.get("loss") or by_measure.get("")
    losses = [measure for measure in by_measure if measure.endswith("loss")]
    if plain is None and len(losses) == 1:  # logloss and error: logloss
        plain = by_measure[losses[0]]
    if plain is not None or len(pairs) == 1:
        return plain or pairs
    detection = all(measure.split()[0] in DETECTION_LOSSES for measure in by_measure)
    return pairs if detection else []
