"""Printed logs: the output of a training on a terminal, as Keras, boosters and loops print it."""

import re
from collections.abc import Iterator

from backend import work_budget
from backend.log_formats.history import History, Unreadable
from backend.log_formats.log_file import LogFile, is_text
from backend.log_formats.log_format import FileFormat
from backend.log_formats.printed_lines import Line, is_progress, parse_line
from backend.log_formats.tables import histories_of_rows
from backend.pairing.series_names import parse_name, part_of

_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]")
_BREAKS = re.compile(r"[\r\x08\n]+")
_BEST = "best iteration is"  # LightGBM repeats the best round in the next line
_SUMMARY = re.compile(r"\s*(?:Averaged stats|\*\s)")
_FIRST_WORD = re.compile(r"\W*([A-Za-z]+)")
MAX_LINE = 4000  # characters; longer lines hold no metrics
MIN_ROWS = 2
MAX_WITHOUT_ROWS = 1 << 21  # characters at the beginning that may hold no metrics
SHOWN = 80  # characters of a line in a message
CLOSER = 0.5  # see `restarts`

Row = dict[str, object]


def read_printed(text: str) -> list[History]:
    """Return the histories of a printed log. Raises Unreadable."""
    found = _rows(text[:MAX_WITHOUT_ROWS])
    if len(text) > MAX_WITHOUT_ROWS and next(found, None) is None:
        raise Unreadable(_refusal(text))
    rows = list(_rows(text))
    histories = histories_of_rows(_runs_named(rows)) if len(rows) >= MIN_ROWS else []
    if not histories:
        raise Unreadable(_refusal(text))
    return histories


def _refusal(text: str) -> str:
    line = text.lstrip()[:SHOWN].split("\n", 1)[0].strip()
    return (
        "it has no table with a header, no JSON and no printed epochs such as "
        f'"Epoch 3: loss 0.41, val_loss 0.52"; its first line is "{line}"'
    )


def lines_of(text: str) -> Iterator[str]:
    """Yield the lines of terminal output, those that a progress bar overwrites included."""
    text = _CONTROLS.sub("", text) if "\x1b" in text else text
    at, length = 0, len(text.replace("#011", "\t") if "#011" in text else text)
    text = text.replace("#011", "\t")
    repeats_best = False
    while at < length:
        match = _BREAKS.search(text, at)
        end, following = (match.start(), match.end()) if match else (length, length)
        if 0 < end - at <= MAX_LINE:
            line = text[at:end]
            if not repeats_best:
                yield line
            repeats_best = _BEST in line.lower()
        at = following


def _rows(text: str) -> Iterator[Row]:
    """Yield a row per line with metrics, and one for the progress bar of an epoch."""
    log = _PrintedLog()
    waiting: str | None = None
    for number, text_of_line in enumerate(lines_of(text)):
        if not number & 63:
            work_budget.check()
        if is_progress(text_of_line):
            if waiting is not None and not _same_epoch(waiting, text_of_line):
                yield from log.rows_of(log.parse(waiting))
            waiting = text_of_line  # later values of the epoch replace it
            continue
        if waiting is not None:
            yield from log.rows_of(log.parse(waiting))
            waiting = None
        yield from log.rows_of(log.parse(text_of_line))
    if waiting is not None:
        yield from log.rows_of(log.parse(waiting))
    yield from log.end()


_EPOCH_OF_BAR = re.compile(r"epoch\D{0,4}(\d+)|(loss|acc)", re.IGNORECASE)


def _same_epoch(before: str, after: str) -> bool:
    """Return whether a bar replaces the one before: it is of the same epoch and shows as much."""
    first, second = _EPOCH_OF_BAR.search(before), _EPOCH_OF_BAR.search(after)
    numbers = [match[1] if match else None for match in (first, second)]
    if numbers[0] != numbers[1]:
        return False
    return "loss" not in before.lower() or (
        "loss" in after.lower() and ("val_" not in before or "val_" in after)
    )


class _PrintedLog:
    """The state of a log between its lines: epoch, run, and the values of a progress bar."""

    def __init__(self) -> None:
        self.epoch: float | None = None
        self.run: str | None = None
        self.part: str | None = None
        self._last_part: str | None = None
        self._counter: Row = {}
        self._running: Row = {}
        self._open: Row = {}

    def parse(self, text: str) -> Line:
        """Parse a line. A summary, as DETR prints it, has the part of the line before."""
        line = parse_line(text, self._last_part if _SUMMARY.match(text) else self.part)
        word = _FIRST_WORD.match(text)
        if word and (part_of(word[1]) or line.epoch is not None):
            self._last_part = word[1].lower() if part_of(word[1]) else None
        return line

    def rows_of(self, line: Line) -> Iterator[Row]:
        """Yield the rows that a line completes."""
        if line.run is not None and line.run != self.run:
            yield from self.end()
            self.run, self.epoch, self.part = line.run, None, None
        if line.epoch is not None and line.epoch != self.epoch:
            yield from self.end()
            self.epoch, self.part = line.epoch, None
        if not line.values:
            self.part = line.part or (None if line.epoch is not None else self.part)
            return
        row = {**self._axes(line), **line.values}
        if line.running:
            self._running |= row
        elif not row.keys() - line.values.keys() - {"run"} and not self._has_axis(row):
            yield from self._counted(line.values)
        else:
            yield row

    def _axes(self, line: Line) -> Row:
        """Return the cells of the axes and of the run. A record has its own."""
        axes: Row = {} if self.run is None else {"run": self.run}
        if line.round is not None:
            self._counter = {"round": line.round}
        elif line.step is not None:
            self._counter = {"step": line.step}
        if line.round is not None or line.step is not None or self.epoch is None:
            axes |= self._counter
        own = {"epoch", "step", "iteration", "iter"} & line.values.keys()
        return axes if self.epoch is None or own else axes | {"epoch": self.epoch}

    def _has_axis(self, row: Row) -> bool:
        return not {"epoch", "step", "iteration", "iter"}.isdisjoint(row)

    def _counted(self, values: Row) -> Iterator[Row]:
        """Collect lines without any axis in one row until a name repeats."""
        if self._open.keys() & values.keys():
            yield self._open
            self._open = {}
        self._open |= values if self.run is None else {"run": self.run, **values}

    def end(self) -> Iterator[Row]:
        """Yield the row of the epoch that ends."""
        if self._running:
            yield self._running
        if self._open:
            yield self._open
        self._running, self._open = {}, {}


def _runs_named(rows: list[Row]) -> list[Row]:
    """Name the trainings of a log whose epochs start over with new losses, as in a notebook."""
    if any("run" in row for row in rows):
        return rows
    axis = next((name for name in ("epoch", "round", "step") if any(name in r for r in rows)), None)
    places = [row.get(axis) if axis else None for row in rows]
    known = [place for place in places if isinstance(place, int | float)]
    begins, before = [], None
    for at, place in enumerate(places):
        if not isinstance(place, int | float):
            continue
        if before is not None and place < before and place <= known[0]:
            begins.append(at)
        before = place
    if not begins or _goes_on(rows, begins[0]) or (axis == "step" and "epoch" in rows[0]):
        return rows
    named = []
    for at, row in enumerate(rows):
        number = 1 + sum(begin <= at for begin in begins)
        named.append({"run": f"training {number}", **row})
    return named


def _goes_on(rows: list[Row], begin: int) -> bool:
    """Return whether the train loss after a new beginning is near the loss before."""
    losses = [
        [float(str(row[name])) for name in row if name == key and row[name] is not None]
        for key in _train_losses(rows[:begin])
        for row in (rows[0], *rows[max(begin - 3, 0) : begin][::-1], *rows[begin : begin + 3])
    ]
    values = [each[0] for each in losses if each]
    if len(values) < 3:
        return False
    first, before, after = values[0], values[1], values[-1]
    return abs(after - before) < CLOSER * abs(after - first)


def _train_losses(rows: list[Row]) -> list[str]:
    names = dict.fromkeys(name for row in rows[:5] for name in row)
    parsed = ((name, parse_name(name)) for name in names)
    return [name for name, each in parsed if each.is_loss and each.part in ("train", None)][:1]


def _sniff(file: LogFile) -> bool:
    return is_text(file.head)


FORMAT = FileFormat(
    name="printed log",
    looks="the output of a training: progress bars of Keras, tqdm and Lightning, lines such as "
    '"Epoch 3 | Train Loss: 0.4 | Val Loss: 0.5", rounds of XGBoost, LightGBM and CatBoost, dict '
    "lines of transformers, nnU-Net's training log; folds by their titles",
    files="train.log, output.txt, nohup.out, training_log_*.txt",
    example={
        "train.log": "Epoch 1 | Train Loss: 2.1 | Val Loss: 2.3\n"
        "Epoch 2 | Train Loss: 1.5 | Val Loss: 1.6\n"
        "Epoch 3 | Train Loss: 1.1 | Val Loss: 1.2\n"
    },
    sniff=_sniff,
    read=lambda file: read_printed(file.text),
)
