"""Reading of log files. The format is recognised by the content, never by the file name.

A new format is a module that turns text or bytes into histories, and a case in `_histories`.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from backend.errors import TooExpensive
from backend.log_formats.csv_logs import read_table
from backend.log_formats.history import History, Unreadable
from backend.log_formats.json_logs import read_document
from backend.log_formats.limits import MEBIBYTE, LogLimits, log_limits
from backend.log_formats.tensorboard import is_events, read_events
from backend.pairing.series_names import parse_name, part_of
from backend.series import Series
from backend.work_budget import ClientWatch, budget

MAX_FILES = 200  # event files in a folder
COMPRESSED = {
    b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard",
}  # fmt: skip


def read_log(path: str) -> list[History]:
    """Return the histories of a file, of a folder of event files, or of standard input (`-`).

    Raises Unreadable with a sentence that names the file.
    """
    limits = log_limits()
    try:
        with budget(limits.diagnose_seconds, ClientWatch()):
            return _within(limits, _read(path, limits))
    except Unreadable as error:
        raise Unreadable(f"{path}: {error.detail}.") from error
    except TooExpensive as error:
        raise Unreadable(
            f"{path}: reading it takes more than {limits.diagnose_seconds:g} s of processor time; "
            "accepted: less (LAB_DIAGNOSE_SECONDS)."
        ) from error
    except OSError as error:
        raise Unreadable(f"{path}: it cannot be read: {error.strerror}.") from error
    except (MemoryError, OverflowError) as error:
        raise Unreadable(f"{path}: it does not fit into memory.") from error


def _read(path: str, limits: LogLimits) -> list[History]:
    if path != "-" and Path(path).is_dir():
        return _folder(Path(path), limits)
    return _histories(_content(path, limits), limits)


def _within(limits: LogLimits, histories: list[History]) -> list[History]:
    """Return the histories, if none has too many series. Raises Unreadable."""
    most = max((len(history.series) for history in histories), default=0)
    if most > limits.max_log_series:
        raise Unreadable(
            f"it has {most:,} series; accepted: at most {limits.max_log_series:,} "
            "(LAB_MAX_LOG_SERIES)"
        )
    return histories


def _content(path: str, limits: LogLimits) -> bytes:
    most = limits.max_log_file_bytes
    if path == "-":
        data = sys.stdin.buffer.read(most + 1)
    else:
        with Path(path).open("rb") as file:
            data = file.read(most + 1)
    if len(data) > most:
        raise Unreadable(
            f"it is larger than {_megabytes(most)}, which LAB_MAX_LOG_FILE_BYTES allows"
        )
    return data


def _megabytes(size: int) -> str:
    return f"{size / MEBIBYTE:,.3g} MB"


def _histories(data: bytes, limits: LogLimits) -> list[History]:
    if not data.strip():
        raise Unreadable("it is empty")
    for magic, kind in COMPRESSED.items():
        if data.startswith(magic):
            raise Unreadable(f"it is packed with {kind}; unpack it first")
    if is_events(data):
        return [History(read_events(data), "step")]
    if len(data) > limits.max_log_text_bytes:
        most = _megabytes(limits.max_log_text_bytes)
        raise Unreadable(f"it is text larger than {most}, which LAB_MAX_LOG_TEXT_BYTES allows")
    text = _text(data)
    if not text.strip():
        raise Unreadable("it is empty")
    return read_document(text) if text.lstrip()[0] in "{[" else read_table(text)


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(_NOT_TEXT) from error
    if "\0" in text:
        raise Unreadable(_NOT_TEXT)
    return text.replace("\r\n", "\n").replace("\r", "\n")


_NOT_TEXT = "it is neither text (CSV, JSON, JSON lines) nor a TensorBoard event file"


def _folder(folder: Path, limits: LogLimits) -> list[History]:
    """Return the histories of the event files below a folder, one for each folder of a run."""
    files = sorted(path for path in folder.rglob("*tfevents*") if path.is_file())
    if not 0 < len(files) <= MAX_FILES:
        raise Unreadable(
            f"it is a folder of {len(files):,} event files, accepted: 1 to {MAX_FILES}"
        )
    runs: dict[str, dict[str, Series]] = {}
    for file in files:
        run, prefix = _run_and_prefix(file.parent.relative_to(folder).parts)
        series = runs.setdefault(run, {})
        for tag, values in read_events(_content(str(file), limits)).items():
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
