"""Reading of log files and folders. The content tells the format, names tell what belongs together.

A new format is a module with a `FORMAT`, listed in `registry`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from backend.errors import TooExpensive
from backend.log_formats.folder_runs import Found, folder_of, runs_of
from backend.log_formats.history import History, OnlySummaries, Unreadable
from backend.log_formats.limits import MEBIBYTE, LogLimits, log_limits
from backend.log_formats.log_file import NOT_TEXT, LogFile, files_at, is_text
from backend.log_formats.loss_pairs import has_losses
from backend.log_formats.not_logs import refuse_known
from backend.log_formats.registry import FILE_FORMATS, FOLDER_FORMATS
from backend.work_budget import ClientWatch, budget

SECONDS_PER_MEBIBYTE = 0.2
"""Of LAB_DIAGNOSE_SECONDS: tables and events are read at 10 MB/s, printed logs at 2 MB/s."""
NOT_LOGS = frozenset((
    ".bin", ".ckpt", ".gif", ".h5", ".hdf5", ".jpeg", ".jpg", ".keras", ".md", ".model", ".npy",
    ".npz", ".onnx", ".pb", ".pdf", ".pickle", ".pkl", ".png", ".pt", ".pth", ".py", ".pyc",
    ".safetensors", ".svg", ".tflite", ".toml", ".wandb", ".webp", ".yaml", ".yml",
))  # fmt: skip
"""Endings of files in a folder that are not opened."""


@dataclass(frozen=True)
class LogReading:
    """The histories read from files, and why other files were `skipped`, by their names."""

    histories: list[History] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def read_log(path: str) -> list[History]:
    """Return the histories of a file, of a folder, or of standard input (`-`).

    Raises Unreadable with a sentence that names the file.
    """
    limits = log_limits()
    try:
        return _opened(files_at(path, limits), limits).histories
    except Unreadable as error:
        raise Unreadable(f"{path}: {error.detail}.") from error
    except OSError as error:
        raise Unreadable(f"{path}: it cannot be read: {error.strerror}.") from error


def read_logs(files: Sequence[LogFile]) -> LogReading:
    """Return the histories of files that came together, such as a folder or an upload.

    The names of the files are paths below their folder. Raises Unreadable if none can be read.
    """
    return _opened(files, log_limits())


def _opened(files: Sequence[LogFile], limits: LogLimits) -> LogReading:
    """Return the histories of files within the limits. Raises Unreadable and OSError."""
    size = sum(file.size for file in files if file.path.suffix not in NOT_LOGS)
    seconds = limits.diagnose_seconds * (1 + SECONDS_PER_MEBIBYTE * size / MEBIBYTE)
    try:
        with budget(seconds, ClientWatch()):
            reading = _of_file(files[0]) if len(files) == 1 else _of_files(files)
    except TooExpensive as error:
        raise Unreadable(
            f"reading it takes more than {seconds:.2g} s of processor time; "
            "accepted: less (LAB_DIAGNOSE_SECONDS)"
        ) from error
    except (MemoryError, OverflowError) as error:
        raise Unreadable("it does not fit into memory") from error
    _check_series(reading.histories, limits)
    return reading


def _check_series(histories: Iterable[History], limits: LogLimits) -> None:
    most = max((len(history.series) for history in histories), default=0)
    if most > limits.max_log_series:
        raise Unreadable(
            f"it has {most:,} series; accepted: at most {limits.max_log_series:,} "
            "(LAB_MAX_LOG_SERIES)"
        )


def _of_file(file: LogFile) -> LogReading:
    return LogReading(read_file(file))


def read_file(file: LogFile) -> list[History]:
    """Return the histories of one file. Raises Unreadable."""
    if is_text(file.head) and not file.text.strip():
        raise Unreadable("it is empty")
    refuse_known(file.head)
    reason: Unreadable | None = None
    for log_format in FILE_FORMATS:
        if not log_format.sniff(file):
            continue
        try:
            histories = log_format.read(file)
        except OnlySummaries:
            raise
        except Unreadable as error:
            if not is_text(file.head):
                raise
            reason = reason or error
        else:
            if reason is None or any(map(has_losses, histories)):
                return histories
    raise reason or Unreadable(NOT_TEXT)


def _of_files(files: Sequence[LogFile]) -> LogReading:
    """Return the histories of files: those that belong together, then each other file."""
    found: list[Found] = []
    skipped: dict[str, str] = {}
    left = [file for file in files if file.path.suffix.lower() not in NOT_LOGS]
    for log_format in FOLDER_FORMATS:
        for name, group in log_format.claim(left).items():
            with _noting(skipped, name or folder_of(group[0])):
                found += [_in_folder(name, history) for history in log_format.read(group)]
            names = {file.name for file in group}
            left = [file for file in left if file.name not in names]
    for file in left:
        with _noting(skipped, file.name):
            folder = folder_of(file)
            found += [Found(history, folder, file.name) for history in read_file(file)]
    if not found:
        first = next(iter(skipped.items()), None)
        reason = f": {first[0]}: {first[1]}" if first else ""
        raise Unreadable(f"none of its {len(files):,} files is a log that is known{reason}")
    with_losses = [each for each in found if has_losses(each.history)]
    return LogReading(runs_of(with_losses or found[:1], files), skipped)


def _in_folder(name: str, history: History) -> Found:
    """Return a history of files that belong together; event files name the folder of their run."""
    if name or history.name is None:
        return Found(history, name)
    return Found(replace(history, name=None), history.name)


@contextmanager
def _noting(skipped: dict[str, str], name: str) -> Iterator[None]:
    """Note a file that cannot be read instead of raising Unreadable."""
    try:
        yield
    except Unreadable as error:
        skipped[name] = error.detail
    except OSError as error:
        skipped[name] = f"it cannot be read: {error.strerror}"
