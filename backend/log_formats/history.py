"""The history that is read from a log: named series over epochs or steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from unicodedata import category

from backend.errors import InvalidInput
from backend.series import IntArray, Series

MAX_SHOWN_CHARACTERS = 100  # of a name or a refused value in a message


class Unreadable(InvalidInput):
    """A log that cannot be read, with one sentence that gives the reason."""


class OnlySummaries(Unreadable):
    """A table whose rows are runs, with one value of each metric: it holds no history."""


@dataclass(frozen=True)
class History:
    """Named series over steps; `unit` is the word for a step: epoch, step, round, row, evaluation.

    `name` distinguishes the histories of one file. `remarks` describe the rows left out of all
    series, `unread` those left out of single ones. `times` are the Unix times in milliseconds of
    the points of a series, where the log has them; `params` and `tags` are those of the run.
    `unpaired` is the reason if train and validation of different length have no axis.
    Control characters are removed from all names, so that a terminal does not obey them.
    """

    series: Mapping[str, Series]
    unit: str = "epoch"
    name: str | None = None
    remarks: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, IntArray] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    unpaired: str | None = None

    def __post_init__(self) -> None:
        for attribute in ("series", "times", "params", "tags"):
            named = {shown(key): value for key, value in getattr(self, attribute).items()}
            object.__setattr__(self, attribute, named)
        unread = {shown(name): shown(text) for name, text in self.unread.items()}
        object.__setattr__(self, "unread", unread)
        object.__setattr__(self, "remarks", tuple(map(shown, self.remarks)))
        object.__setattr__(self, "name", None if self.name is None else shown(self.name))


def shown(text: str) -> str:
    """Replace control and format characters, and halves of surrogate pairs."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if category(c) in ("Cc", "Cf", "Cs") else c for c in text)


def not_numbers(column: str, texts: Sequence[str]) -> str:
    """Return the note on the cells of a column that are not numbers."""
    rows = "1 row is" if len(texts) == 1 else f"{len(texts):,} rows are"
    example = f'"{texts[0][:MAX_SHOWN_CHARACTERS]}"'
    if len(set(texts)) == 1:
        return f"{column}: {rows} left out, as {example} is not a number"
    return f"{column}: {rows} left out, as {example} and others are not numbers"
