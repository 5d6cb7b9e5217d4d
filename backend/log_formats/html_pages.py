"""HTML pages: the tables and the preformatted text of exported notebooks and reports."""

from dataclasses import replace
from html.parser import HTMLParser

from backend import work_budget
from backend.log_formats.columns import TableBuilder
from backend.log_formats.history import History, Unreadable
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FileFormat
from backend.log_formats.loss_pairs import has_losses
from backend.log_formats.tables import histories_of_table
from backend.log_formats.texts import histories_of_text

MAX_BLOCKS = 5000  # tables and preformatted texts
SKIPPED = ("script", "style")
PIECE = 1 << 16  # characters between two looks at the budget


class _Blocks(HTMLParser):
    """Collects the rows of tables, and preformatted texts, in the order of the page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        self.texts: list[str] = []
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._text: list[str] | None = None
        self._skipped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in SKIPPED:
            self._skipped += 1
        elif tag == "table":
            self._check(len(self.tables))
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self._row = []
            self.tables[-1].append(self._row)
        elif tag in ("td", "th") and self._row is not None:
            self._cell = []
        elif tag == "pre":
            self._check(len(self.texts))
            self._text = []

    def _check(self, count: int) -> None:
        if count >= MAX_BLOCKS:
            raise Unreadable(f"it has more than {MAX_BLOCKS:,} tables or texts")

    def handle_endtag(self, tag: str) -> None:
        if tag in SKIPPED:
            self._skipped = max(0, self._skipped - 1)
        elif tag in ("td", "th") and self._cell is not None and self._row is not None:
            self._row.append("".join(self._cell).strip())
            self._cell = None
        elif tag == "pre" and self._text is not None:
            self.texts.append("".join(self._text))
            self._text = None

    def handle_data(self, data: str) -> None:
        if self._skipped:
            return
        if self._cell is not None:
            self._cell.append(data)
        elif self._text is not None:
            self._text.append(data)


def histories_of_page(page: str) -> list[History]:
    """Return the histories with losses in the tables and preformatted texts of a page."""
    blocks = _Blocks()
    for start in range(0, len(page), PIECE):
        work_budget.check()
        blocks.feed(page[start : start + PIECE])
    blocks.close()
    found = [history for rows in blocks.tables for history in _of_rows(rows)]
    found += [history for text in blocks.texts for history in histories_of_text(text)]
    return [history for history in found if has_losses(history)]


def _of_rows(rows: list[list[str]]) -> list[History]:
    """Return the histories of a table whose first row names its columns."""
    if len(rows) < 3 or not any(rows[0]):
        return []
    builder = TableBuilder()
    for row in rows[1:]:
        builder.add(zip(rows[0], row, strict=False))
    try:
        return histories_of_table(builder.table())
    except Unreadable:
        return []


def read_page(text: str) -> list[History]:
    """Return the histories of an HTML page. Raises Unreadable."""
    histories = histories_of_page(text)
    if not histories:
        raise Unreadable("its HTML has no table and no output with train and validation loss")
    if len(histories) == 1:
        return histories
    return [
        replace(history, name=f"output {number}" + (f"/{history.name}" if history.name else ""))
        for number, history in enumerate(histories, 1)
    ]


def _sniff(file: LogFile) -> bool:
    start = file.sample.lstrip()[:200].lower()
    return start.startswith(("<!doctype html", "<html", "<table", "<div", "<?xml", "<head", "<pre"))


FORMAT = FileFormat(
    name="HTML page",
    looks="the tables and the printed output of an exported notebook or report",
    files="*.html",
    example={
        "notebook.html": "<html><body><pre>Epoch 1: loss: 2.1 - val_loss: 2.3\n"
        "Epoch 2: loss: 1.5 - val_loss: 1.6\n</pre></body></html>"
    },
    sniff=_sniff,
    read=lambda file: read_page(file.text),
)
