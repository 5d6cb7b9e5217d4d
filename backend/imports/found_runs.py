"""The runs that are found in logs, each with its losses: what `lab diagnose` and imports read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backend.log_formats import History, Unreadable, find_losses, loss_choices, read_log
from backend.pairing import LossPair
from backend.pairing.name_pairs import NamePair
from backend.series import Series

MAX_ALTERNATIVES = 100  # pairs of losses that a person can choose from


@dataclass(frozen=True)
class ChosenLosses:
    """The series that a person names as losses; None leaves the choice to the names."""

    train: str | None = None
    validation: str | None = None


@dataclass(frozen=True)
class FoundRun:
    """A run in a log: all its series, and the pair of losses or the reason why it is missing.

    `label` is the name of the file, followed by the run's name in it if it has one.
    """

    label: str
    series: Mapping[str, Series]
    unit: str = "epoch"
    notes: Sequence[str] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    pair: LossPair | None = None
    alternatives: Sequence[NamePair] = ()
    reason: str = ""


NAMES_DECIDE = ChosenLosses()


def find_runs(path: str, chosen: ChosenLosses = NAMES_DECIDE, label: str = "") -> list[FoundRun]:
    """Return the runs of a file or folder, or of standard input (`-`), in their order.

    Runs without losses are left out if others have them. Raises Unreadable with a sentence.
    """
    label = label or path
    runs = [_found(label, history, chosen) for history in _read(path, label)]
    return [run for run in runs if run.pair or run.alternatives] or runs[:1]


def _read(path: str, label: str) -> list[History]:
    try:
        return read_log(path)
    except Unreadable as error:
        detail = error.detail
        raise Unreadable(detail.replace(path, label, 1) if label != path else detail) from error


def _found(label: str, history: History, chosen: ChosenLosses) -> FoundRun:
    label = label if history.name is None else f"{label}#{history.name}"
    pair, reason = None, ""
    try:
        pair = find_losses(history, train=chosen.train, validation=chosen.validation)
    except Unreadable as error:
        reason = error.detail
    return FoundRun(
        label,
        history.series,
        history.unit,
        history.remarks,
        history.params,
        pair=pair,
        alternatives=loss_choices(history)[:MAX_ALTERNATIVES] if pair else (),
        reason=reason and f"{label}: {reason}.",
    )
