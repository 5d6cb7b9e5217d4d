"""The runs of a folder: each once, named after its folder, with the params of its YAML file."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from backend.log_formats.history import History, Unreadable
from backend.log_formats.log_file import LogFile
from backend.pairing.series_names import parse_name

PARAM_FILES = ("args.yaml", "hparams.yaml", "opt.yaml", "params.yaml")
"""Of Ultralytics, Lightning, YOLOv5 and DVC."""
MAX_COMPARED = 300  # histories that are compared with each other
_PARAM = re.compile(r"^([\w.\-]{1,100}):[ \t]+(\S.{0,500})$", re.MULTILINE)


@dataclass(frozen=True)
class Found:
    """A history with the folder and, unless several files belong together, the file it is from."""

    history: History
    folder: str
    file: str | None = None


def runs_of(found: Sequence[Found], files: Sequence[LogFile]) -> list[History]:
    """Return the histories of a folder with names and params, without those read twice."""
    tables = {each.folder for each in found if each.file is not None}
    kept = [
        each for each in found
        if each.file is not None or each.folder not in tables or each.history.params
    ]  # fmt: skip
    kept = [each for each in kept if not _is_beginning_of_other(each, kept)]
    params = _params(files)
    named = _names(kept)
    return [
        replace(
            each.history,
            name=name,
            params={**params.get(each.folder, {}), **each.history.params},
        )
        for each, name in zip(kept, named, strict=True)
    ]


def _names(found: Sequence[Found]) -> list[str | None]:
    """Return the names of histories: of the folder if it has one file, then of the run in it."""
    files = Counter(folder for folder, _ in {(each.folder, each.file) for each in found})
    names = []
    for each in found:
        alone = each.file is None or (files[each.folder] == 1 and each.folder != "")
        own = each.folder if alone else each.file
        parts = [own or "", each.history.name or ""]
        names.append("/".join(part for part in parts if part) or None)
    return [None] if len(found) == 1 and not found[0].history.name else names


def _is_beginning_of_other(each: Found, others: Sequence[Found]) -> bool:
    """Return whether a history is the beginning of a longer one, as in checkpoints."""
    losses = [name for name in each.history.series if parse_name(name).is_loss]
    if not losses or len(others) > MAX_COMPARED:
        return False
    return any(
        other is not each and _is_beginning(each.history, other.history, losses) for other in others
    )


def _is_beginning(history: History, other: History, names: Sequence[str]) -> bool:
    longer = False
    for name in names:
        own, its = history.series[name], other.series.get(name)
        if its is None or len(own) > len(its):
            return False
        longer |= len(its) > len(own)
        same = np.array_equal(own.values, its.values[: len(own)], equal_nan=True)
        if not same or not np.array_equal(own.steps, its.steps[: len(own)]):
            return False
    return longer


def _params(files: Sequence[LogFile]) -> Mapping[str, dict[str, str]]:
    """Return the single values of the YAML files of params, by folder."""
    params: dict[str, dict[str, str]] = {}
    for file in files:
        if file.path.name in PARAM_FILES:
            try:
                values = dict(_PARAM.findall(file.sample))
            except (Unreadable, OSError):
                continue
            params.setdefault(folder_of(file), {}).update(values)
    return params


def folder_of(file: LogFile) -> str:
    """Return the name of the folder of a file, empty for the root."""
    parent = str(file.path.parent)
    return "" if parent == "." else parent
