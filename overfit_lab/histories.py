"""Training histories in the forms in which Python programs hold them, as named series.

Nothing is imported from a framework: an object is recognised by the attributes that it has.
"""

import math
import os
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from backend.log_formats import History, Unreadable, find_losses, has_losses, read_log
from backend.log_formats.nested import histories_of
from backend.log_formats.tables import from_rows
from backend.pairing import LossPair

ACCEPTED = (
    "a Keras History, a dict of lists, a list of records, a DataFrame, the path of a log, or two "
    "lists"
)
PART_OF_TWO_LISTS = ("train", "validation")


def read_history(data: object, validation: object = None) -> list[History]:
    """Return the histories that an object holds, several if it is the log of several runs.

    Raises Unreadable.
    """
    if validation is not None:
        lists = dict(zip(PART_OF_TWO_LISTS, map(_plain, (data, validation)), strict=True))
        return _parsed(lists, "The lists")
    if isinstance(data, str | os.PathLike):
        return read_log(os.fspath(data))
    if _is_frame(data):
        return _of_frame(data)
    return _parsed(_plain(_attribute(data)), f"The {type(data).__name__}")


def with_losses(
    histories: Sequence[History], run: str | None, train: str | None, validation: str | None
) -> tuple[History, LossPair]:
    """Return the one history that has a train and a validation loss, with its losses.

    `run` names one of several histories, `train` and `validation` the two series. Raises
    Unreadable.
    """
    named = [history for history in histories if run is None or history.name == run]
    if not named:
        listed = ", ".join(str(history.name) for history in histories)
        raise Unreadable(f"run is {run}; accepted: {listed}")
    if len(named) > 1:
        fitting = [each for each in named if has_losses(each, train=train, validation=validation)]
        named = fitting or named[:1]
    if len(named) > 1:
        listed = ", ".join(str(history.name) for history in named[:10])
        raise Unreadable(f"it holds {len(named)} runs; name one by run=, such as {listed}")
    return named[0], find_losses(named[0], train=train, validation=validation, option="{}_name=")


def _attribute(data: Any) -> object:
    """Return the history inside an object of a framework, or the object itself."""
    if isinstance(data, Mapping | list | tuple):
        return data
    if isinstance(history := getattr(data, "history", None), Mapping):  # Keras
        epochs = getattr(data, "epoch", None)
        return {"epoch": epochs, **history} if isinstance(epochs, list) and epochs else history
    if isinstance(log := getattr(getattr(data, "state", None), "log_history", None), list):
        return {"log_history": log}  # Trainer of transformers
    results = getattr(data, "evals_result", None) or getattr(data, "evals_result_", None)
    return results() if callable(results) else results or data  # XGBoost, LightGBM


def _parsed(document: object, name: str) -> list[History]:
    histories = histories_of(document)
    if not histories:
        raise Unreadable(f"{name} holds no series of numbers; accepted: {ACCEPTED}")
    return histories


def _plain(value: Any) -> object:
    """Return arrays and tensors as lists, NumPy's numbers as Python's, mappings as dicts."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "detach"):  # a tensor of PyTorch
        value = value.detach().cpu()
    if hasattr(value, "numpy") and not hasattr(value, "tolist"):  # a tensor of TensorFlow
        value = value.numpy()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _is_frame(data: object) -> bool:
    return hasattr(data, "columns") and hasattr(data, "__getitem__")


def _of_frame(frame: Any) -> list[History]:
    """Return the history of a DataFrame of pandas or polars, whose rows may have blank cells."""
    columns = {str(name): frame[name].tolist() if hasattr(frame[name], "tolist")
               else frame[name].to_list() for name in frame.columns}  # fmt: skip
    kept = {name: _without_blanks(values) for name, values in columns.items()}
    rows = [dict(zip(kept, row, strict=True)) for row in zip(*kept.values(), strict=True)]
    history = from_rows({name: x for name, x in row.items() if x is not None} for row in rows)
    if history is None:
        raise Unreadable("The DataFrame holds no column of numbers")
    return [history]


def _without_blanks(values: Sequence[Any]) -> list[Any]:
    """Return the values of a column with None for blank cells, which pandas shows as NaN.

    A loss that is NaN to the end has diverged and is kept. Blank cells at the end, after the last
    row of this kind, are no more than those between two values.
    """
    missing = [isinstance(value, float) and math.isnan(value) for value in values]
    runs = [(is_missing, len(list(run))) for is_missing, run in groupby(missing)]
    inside = [length for is_missing, length in runs[1:-1] if is_missing]
    at_end = runs[-1][1] if runs and runs[-1][0] else 0
    first_of_end = len(values) - at_end
    diverged = at_end > max(inside, default=0) and first_of_end > 0
    return [
        None if is_missing and not (diverged and at >= first_of_end) else value
        for at, (is_missing, value) in enumerate(zip(missing, values, strict=True))
    ]
