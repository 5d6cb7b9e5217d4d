"""Folders of TensorBoard event files: a folder per run, perhaps a folder per part of the data."""

from collections.abc import Mapping, Sequence

from backend.log_formats.history import History, Unreadable
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FolderFormat
from backend.log_formats.tensorboard import is_events, read_event_file
from backend.pairing.series_names import parse_name, part_of
from backend.series import Series

MAX_FILES = 200  # event files in a folder


def claim_events(files: Sequence[LogFile]) -> Mapping[str, Sequence[LogFile]]:
    """Return all event files as one group."""
    events = [file for file in files if "tfevents" in file.path.name and is_events(file.head)]
    return {"": events} if events else {}


def read_folder(files: Sequence[LogFile]) -> list[History]:
    """Return the histories of event files, one for each folder of a run. Raises Unreadable."""
    if len(files) > MAX_FILES:
        raise Unreadable(
            f"it is a folder of {len(files):,} event files, accepted: 1 to {MAX_FILES}"
        )
    runs: dict[str, dict[str, Series]] = {}
    for file in files:
        run, prefix = _run_and_prefix(file.path.parent.parts)
        series = runs.setdefault(run, {})
        for tag, values in read_event_file(file).items():
            name = tag if part_of(tag.split("/")[0]) else f"{prefix}{tag}"
            earlier = series.get(name)
            series[name] = values if earlier is None else earlier.updated(values)
    return [History(series, _unit(series), run or None) for run, series in runs.items()]


def _run_and_prefix(folders: tuple[str, ...]) -> tuple[str, str]:
    """Return the run of a folder and the prefix of its tags.

    PyTorch writes a folder for each series of a run, such as run/Loss_train.
    """
    last = parse_name(folders[-1]) if folders else None
    if last and last.part and (last.is_loss or last.is_accuracy):
        return "/".join(folders[:-1]), f"{folders[-1]}/"
    return "/".join(folders), ""


def _unit(series: Mapping[str, Series]) -> str:
    return "epoch" if any("epoch" in name for name in series) else "step"


FORMAT = FolderFormat(
    name="folder of TensorBoard event files",
    looks="a folder for each run; `train` and `validation` folders are parts of one run",
    files="events.out.tfevents.*",
    example={},
    claim=claim_events,
    read=read_folder,
)
