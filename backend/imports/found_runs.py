"""The runs that are found in logs, each with its losses: what `lab diagnose` and imports read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from backend.log_formats import (
    History,
    LogReading,
    Unreadable,
    find_losses,
    loss_choices,
    read_logs,
)
from backend.log_formats.limits import log_limits
from backend.log_formats.log_file import LogFile, files_at
from backend.pairing import LossPair
from backend.pairing.name_pairs import NamePair
from backend.series import IntArray, Series

MAX_ALTERNATIVES = 100  # pairs of losses that a person can choose from
MAX_SKIPPED_SHOWN = 3  # files of a folder that are named in a note
COMMAND_LINE = "--{}"
"""The form of options in messages of the command line."""


@dataclass(frozen=True)
class ChosenLosses:
    """The series that a person names as losses; None leaves the choice to the names."""

    train: str | None = None
    validation: str | None = None


@dataclass(frozen=True)
class FoundRun:
    """A run in a log: all its series, and the pair of losses or the reason why it is missing.

    `label` is the name of the file or folder, followed by the run's name in it if it has one;
    `inner_name` is the run's name within its file. `times` are the Unix times of the points of a
    series in milliseconds, where the log has them.
    """

    label: str
    series: Mapping[str, Series]
    unit: str = "epoch"
    notes: Sequence[str] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, IntArray] = field(default_factory=dict)
    pair: LossPair | None = None
    alternatives: Sequence[NamePair] = ()
    reason: str = ""
    inner_name: str = ""


NAMES_DECIDE = ChosenLosses()


def find_runs(
    path: str, chosen: ChosenLosses = NAMES_DECIDE, *, label: str = "", option: str = COMMAND_LINE
) -> list[FoundRun]:
    """Return the runs of a file or folder, or of standard input (`-`), in their order.

    `option` is the form of options in messages. Raises Unreadable with a sentence.
    """
    label = label or path
    try:
        return find_in_files(files_at(path, log_limits()), chosen, label=label, option=option)
    except OSError as error:
        raise Unreadable(f"{label}: it cannot be read: {error.strerror}.") from error


def find_in_files(
    files: Sequence[LogFile], chosen: ChosenLosses, *, label: str, option: str
) -> list[FoundRun]:
    """Return the runs of files that came together; those without losses only if none has any.

    Raises Unreadable with a sentence that begins with the label, and OSError.
    """
    try:
        reading = read_logs(files)
    except Unreadable as error:
        raise Unreadable(f"{label}: {error.detail}.") from error
    names = {file.name for file in files} if len(files) > 1 else set()
    runs = [_found(label, each, chosen, names, option) for each in _noted(reading)]
    with_pair = [run for run in runs if run.pair]
    if with_pair and chosen != NAMES_DECIDE:
        return with_pair  # a person named losses, which the other runs do not have
    return [run for run in runs if run.pair or run.alternatives] or runs[:1]


def _noted(reading: LogReading) -> Iterable[History]:
    """Yield the histories; the first has a note on the files that could not be read."""
    for index, history in enumerate(reading.histories):
        if index == 0 and reading.skipped:
            shown = [f"{name}: {why}" for name, why in reading.skipped.items()][:MAX_SKIPPED_SHOWN]
            amount = len(reading.skipped)
            files = "1 file of the folder is" if amount == 1 else f"{amount:,} files are"
            note = f"{files} left out, such as {'; '.join(shown)}"
            yield replace(history, remarks=(*history.remarks, note))
        else:
            yield history


def _found(
    label: str, history: History, chosen: ChosenLosses, files: set[str], option: str
) -> FoundRun:
    label = label if history.name is None else f"{label}#{history.name}"
    pair, reason = None, ""
    try:
        pair = find_losses(history, train=chosen.train, validation=chosen.validation, option=option)
    except Unreadable as error:
        reason = error.detail
    return FoundRun(
        label,
        history.series,
        history.unit,
        history.remarks,
        history.params,
        history.tags,
        history.times,
        pair,
        loss_choices(history)[:MAX_ALTERNATIVES],
        reason and f"{label}: {reason}.",
        _inner_name(history.name or "", files),
    )


def _inner_name(name: str, files: set[str]) -> str:
    """Return the name of a history without the file or folder that it begins with."""
    paths = files | {folder for file in files for folder in _folders(file)}
    parts = name.split("/")
    for depth in range(len(parts), 0, -1):
        if "/".join(parts[:depth]) in paths:
            return "/".join(parts[depth:])
    return name


def _folders(file: str) -> list[str]:
    parts = file.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
