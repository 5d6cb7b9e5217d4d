"""Reads a log, whatever wrote it: the format is told from the content, never from the name."""

import sys
from collections.abc import Mapping
from pathlib import Path

from backend.log_formats.csv_logs import read_table
from backend.log_formats.history import History, Unreadable
from backend.log_formats.json_logs import read_document
from backend.log_formats.series_names import parse_name, part_of
from backend.log_formats.tensorboard import is_events, read_events
from backend.series import Series

LARGEST = 256 << 20  # bytes of a file
LARGEST_TEXT = 64 << 20  # bytes of CSV or JSON: parsed, it takes ten times as many
MOST_FILES = 200  # event files in a folder
PACKED = {
    b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard",
}  # fmt: skip


def read_log(path: str) -> list[History]:
    """Return the histories of a file, of a folder of event files, or (`-`) of what is piped in.

    Raises Unreadable, with a sentence that names the file.
    """
    try:
        if path != "-" and Path(path).is_dir():
            return _folder(Path(path))
        return _histories(_content(path))
    except Unreadable as error:
        raise Unreadable(f"{path}: {error.detail}.") from error
    except OSError as error:
        raise Unreadable(f"{path}: it cannot be read: {error.strerror}.") from error
    except (MemoryError, OverflowError) as error:
        raise Unreadable(f"{path}: it does not fit into memory.") from error


def _content(path: str) -> bytes:
    if path == "-":
        data = sys.stdin.buffer.read(LARGEST + 1)
    else:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Unreadable(f"it is larger than {LARGEST >> 20} MB")
    return data


def _histories(data: bytes) -> list[History]:
    if not data.strip():
        raise Unreadable("it is empty")
    for magic, kind in PACKED.items():
        if data.startswith(magic):
            raise Unreadable(f"it is packed with {kind}; unpack it first")
    if is_events(data):
        return [History(read_events(data), "step")]
    if len(data) > LARGEST_TEXT:
        raise Unreadable(f"it is text larger than {LARGEST_TEXT >> 20} MB")
    text = _text(data)
    if not text.strip():
        raise Unreadable("it is empty")
    return read_document(text) if text.lstrip()[0] in "{[" else read_table(text)


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(_NO_TEXT) from error
    if "\0" in text:
        raise Unreadable(_NO_TEXT)
    return text.replace("\r\n", "\n").replace("\r", "\n")


_NO_TEXT = "it is neither text (CSV, JSON, JSON lines) nor a TensorBoard event file"


def _folder(folder: Path) -> list[History]:
    """Return the histories of the event files below a folder, one for each run's folder."""
    files = sorted(path for path in folder.rglob("*tfevents*") if path.is_file())
    if not 0 < len(files) <= MOST_FILES:
        raise Unreadable(
            f"it is a folder of {len(files):,} event files, accepted: 1 to {MOST_FILES}"
        )
    runs: dict[str, dict[str, Series]] = {}
    for file in files:
        run, prefix = _run(file.parent.relative_to(folder).parts)
        series = runs.setdefault(run, {})
        for tag, values in read_events(_content(str(file))).items():
            name = tag if part_of(tag.split("/")[0]) else f"{prefix}{tag}"
            earlier = series.get(name)
            series[name] = values if earlier is None else earlier.updated(values)
    return [History(series, _unit(series), run or None) for run, series in runs.items()]


def _run(place: tuple[str, ...]) -> tuple[str, str]:
    """Return a folder's run, and what goes before its tags: run/train, run/Loss_train (PyTorch)."""
    last = parse_name(place[-1]) if place else None
    if last and last.part and (last.is_loss or last.is_accuracy):
        return "/".join(place[:-1]), f"{place[-1]}/"
    return "/".join(place), ""


def _unit(series: Mapping[str, Series]) -> str:
    return "epoch" if any("epoch" in name for name in series) else "step"
