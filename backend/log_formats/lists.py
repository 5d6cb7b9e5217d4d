"""Lists of numbers under names: their axis is another list, or the length of the lists."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from backend import work_budget
from backend.log_formats.axis_names import EPOCH_NAMES, counts_rounds, is_axis, plain
from backend.log_formats.history import History
from backend.log_formats.numbers import is_whole_step, parse_number
from backend.pairing.series_names import parse_name
from backend.series import Series

BATCHES = 20  # this many train values for each of validation are taken for those of batches
FREQUENCY = "{}: {:,} values for {:,} of train, taken as one for every {:,} of them"
SHORTER = "{}: {:,} values for {:,} of train, those after {:,} are not judged"
OF_BATCHES = "train: it has {:,} values for each of validation, which are averaged as batches"
UNPAIRED = (
    "train has {:,} values and validation {:,}, and no list of epochs or steps tells which belong "
    "together; add such lists"
)
_PART = re.compile(r"(?:^|_)(?:train(?:ing)?|val(?:id(?:ation)?)?|test|eval|dev)(?:_|$)")

Lists = Mapping[str, "list[float] | Series"]


def series_of(value: object) -> "list[float] | Series | None":
    """Return a list of numbers, or an object or pairs of steps and values as a series, else None.

    Lists of the values of batches, a list per epoch, become their means.
    """
    work_budget.check()
    if isinstance(value, dict):
        return _with_steps(value)
    if not isinstance(value, list) or not value:
        return None
    if isinstance(value[0], list):
        return _of_pairs(value) or _means(value)
    if any(isinstance(x, bool | list | dict) for x in value):
        return None
    if any(isinstance(x, str) for x in value) and any(
        x is not None and parse_number(x) is None for x in value
    ):
        return None
    return [_number_or_nan(x) for x in value]


def _with_steps(value: Mapping[str, object]) -> Series | None:
    for steps_key, values_key in (("steps", "values"), ("x", "y"), ("step", "value")):
        steps, values = value.get(steps_key), value.get(values_key)
        if isinstance(steps, list) and isinstance(values, list) and steps:
            numbers = [parse_number(step) for step in steps]
            if all(number is not None and is_whole_step(number) for number in numbers):
                pairs = zip(numbers, map(_number_or_nan, values), strict=False)
                return Series.from_mapping({int(step or 0): number for step, number in pairs})
    return None


def _of_pairs(rows: Sequence[object]) -> Series | None:
    """Return [[step, value], ...] or [[time, step, value], ...], as TensorBoard downloads it."""
    pairs: dict[int, float] = {}
    for row in rows:
        if not isinstance(row, list) or len(row) not in (2, 3):
            return None
        step, value = parse_number(row[-2]), parse_number(row[-1])
        if step is None or value is None or not is_whole_step(step) or int(step) in pairs:
            return None
        pairs[int(step)] = value
    return Series.from_mapping(pairs) if list(pairs) == sorted(pairs) else None


def _means(rows: Sequence[object]) -> list[float] | None:
    means = []
    for row in rows:
        if not isinstance(row, list) or not row:
            return None
        numbers = [parse_number(x) for x in row]
        values = [number for number in numbers if number is not None]
        if len(values) < len(row):
            return None
        means.append(sum(values) / len(values))
    return means


def _number_or_nan(value: object) -> float:
    number = parse_number(value)
    return float("nan") if number is None else number


def history_of_lists(lists: Lists, name: str | None = None) -> History:
    """Return the history of lists under names. `unpaired` tells why lists do not fit together."""
    axes = {key: values for key, values in lists.items() if isinstance(values, list) and _axis(key)}
    metrics = {key: values for key, values in lists.items() if key not in axes} or dict(lists)
    series, units = {}, set()
    counted: dict[str, list[float]] = {}
    for key, values in metrics.items():
        if isinstance(values, Series):
            series[key] = values
        elif (found := _on_list(key, values, axes)) is not None:
            series[key], unit = found
            units.add(unit)
        else:
            counted[key] = values
    placed, notes, unpaired = _counted(counted, _epochs(axes))
    unit = "step" if units == {"step"} else "round" if counts_rounds(metrics) else "epoch"
    return History(series | placed, unit, name, tuple(notes), unpaired=unpaired)


def _epochs(axes: Mapping[str, "list[float] | Series"]) -> list[float]:
    """Return the list of whole epochs, empty without one."""
    for key, places in axes.items():
        if parse_name(key).part is not None or not isinstance(places, list):
            continue
        if all(map(is_whole_step, places)) and len(set(places)) == len(places):
            return places
    return []


def _axis(key: str) -> bool:
    """Return whether a list counts epochs or steps, perhaps of a part: val_steps."""
    without_part = _PART.sub("_", plain(key)).strip("_")
    return is_axis(key) or (bool(without_part) and is_axis(without_part))


def _on_list(
    key: str, values: list[float], axes: Mapping[str, object]
) -> tuple[Series, str] | None:
    """Return values over the list of epochs or steps that fits, with the unit, else None."""
    part = parse_name(key).part or "train"
    for wanted in (part, None):
        for axis, places in axes.items():
            own = parse_name(axis).part
            if own != wanted or not isinstance(places, list) or len(places) != len(values):
                continue
            if all(map(is_whole_step, places)) and len(set(places)) == len(places):
                pairs = zip(map(int, places), values, strict=True)
                epochs = any(plain(axis).endswith(ending) for ending in EPOCH_NAMES)
                return Series.from_mapping(dict(pairs)), "epoch" if epochs else "step"
    return None


def _counted(
    lists: Mapping[str, list[float]], epochs: Sequence[float]
) -> tuple[dict[str, Series], list[str], str | None]:
    """Return lists over `epochs`, else over numbers from 1; and notes.

    The third value is the reason if train and validation do not fit together.
    """
    held_out = {key: parse_name(key).part in ("validation", "test") for key in lists}
    train = {len(v) for key, v in lists.items() if not held_out[key] and len(v) > 1}
    held = {len(v) for key, v in lists.items() if held_out[key] and len(v) > 1}
    long, short = max(train, default=0), max(held, default=0)
    plain_lists = {key: _over(epochs, v, 1) for key, v in lists.items()}
    if not train or not held or train & held:
        return plain_lists, [], None
    name = next(key for key, v in lists.items() if held_out[key] and len(v) == short)
    if long < short:
        return plain_lists, [], UNPAIRED.format(long, short)
    every = long // short
    if every >= BATCHES:
        means = {key: _mean_of_batches(v, every) if len(v) == long else plain_lists[key]
                 for key, v in lists.items()}  # fmt: skip
        return means, [OF_BATCHES.format(every)], None
    if every > 1 and long // every == short:
        placed = {key: _over(epochs, v, every) if len(v) == short else plain_lists[key]
                  for key, v in lists.items()}  # fmt: skip
        return placed, [FREQUENCY.format(name, short, long, every)], None
    cut = {key: _over(epochs, v[:short], 1) for key, v in lists.items()}
    return cut, [SHORTER.format(name, short, long, short)], None


def _over(epochs: Sequence[float], values: list[float], every: int) -> Series:
    """Return values at every k-th epoch."""
    places = range(every, every * len(values) + 1, every)
    if places and places[-1] <= len(epochs):
        return Series.from_mapping(
            {int(epochs[at - 1]): v for at, v in zip(places, values, strict=True)}
        )
    return Series.of(places, values)


def _mean_of_batches(values: list[float], size: int) -> Series:
    whole = len(values) // size * size
    means = np.array(values[:whole]).reshape(-1, size).mean(axis=1)
    return Series.of(range(1, len(means) + 1), means)
