"""A format of logs: its description for people, and the functions that recognise and read it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from backend.log_formats.history import History
from backend.log_formats.log_file import LogFile


@dataclass(frozen=True)
class LogFormat:
    """A format: `looks` says how it looks, `files` are its usual names, `example` a short log.

    `example` maps the names of files to their text. It is empty for binary formats.
    """

    name: str
    looks: str
    files: str
    example: Mapping[str, str]


@dataclass(frozen=True)
class FileFormat(LogFormat):
    """A format of single files. `sniff` looks at the beginning; `read` raises Unreadable."""

    sniff: Callable[[LogFile], bool]
    read: Callable[[LogFile], list[History]]


@dataclass(frozen=True)
class FolderFormat(LogFormat):
    """A format of files that belong together. `read` raises Unreadable.

    `claim` returns the groups of files that it reads, each with the name of its run.
    """

    claim: Callable[[Sequence[LogFile]], Mapping[str, Sequence[LogFile]]]
    read: Callable[[Sequence[LogFile]], list[History]]
