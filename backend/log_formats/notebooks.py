"""Jupyter notebooks: the printed output and the tables of their cells."""

from collections.abc import Iterator
from dataclasses import replace

from backend import work_budget
from backend.log_formats.history import History, Unreadable
from backend.log_formats.html_pages import histories_of_page
from backend.log_formats.json_logs import parsed
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FileFormat
from backend.log_formats.loss_pairs import has_losses
from backend.log_formats.texts import histories_of_text

MAX_CELLS = 5000


def read_notebook(text: str) -> list[History]:
    """Return the histories in the outputs of the cells of a notebook. Raises Unreadable."""
    document = parsed(text)
    cells = document.get("cells") if isinstance(document, dict) else None
    if cells is None and isinstance(document, dict):  # notebooks before version 4
        sheets = document.get("worksheets")
        cells = [cell for sheet in sheets or () for cell in sheet.get("cells", ())]
    if not isinstance(cells, list):
        raise Unreadable("it has no cells, as a notebook has")
    histories = [
        replace(history, name=f"cell {number}" + (f"/{history.name}" if history.name else ""))
        for number, cell in enumerate(cells[:MAX_CELLS], 1)
        if isinstance(cell, dict)
        for history in _of_cell(cell)
    ]
    if not histories:
        outputs = sum(bool(cell.get("outputs")) for cell in cells if isinstance(cell, dict))
        raise Unreadable(
            f"none of its {outputs:,} cells with output shows train and validation losses; run the "
            "notebook and save it with its outputs"
        )
    return histories if len(histories) > 1 else [replace(histories[0], name=None)]


def _of_cell(cell: dict[str, object]) -> Iterator[History]:
    """Yield the histories of a cell: of its text, else of the tables in its HTML."""
    outputs = cell.get("outputs")
    texts, pages = [], []
    for output in outputs if isinstance(outputs, list) else ():
        work_budget.check()
        if isinstance(output, dict):
            data = output.get("data")
            shown = data if isinstance(data, dict) else output
            texts.append(_joined(output.get("text")) or _joined(shown.get("text/plain")))
            pages.append(_joined(shown.get("text/html")) or _joined(output.get("html")))
    found = [*histories_of_text("\n".join(filter(None, texts)))]
    if not any(map(has_losses, found)):
        found = [history for page in filter(None, pages) for history in histories_of_page(page)]
    yield from filter(has_losses, found)


def _joined(text: object) -> str:
    """Return the text of an output, which may be a list of lines."""
    if isinstance(text, list):
        return "".join(line for line in text if isinstance(line, str))
    return text if isinstance(text, str) else ""


def _sniff(file: LogFile) -> bool:
    head = file.sample.lstrip()[:1]
    return head == "{" and (
        ('"cells"' in file.text and '"cell_type"' in file.text) or '"worksheets"' in file.sample
    )


FORMAT = FileFormat(
    name="Jupyter notebook",
    looks="the outputs of its cells: printed logs, and tables as fastai and transformers show them",
    files="*.ipynb",
    example={
        "train.ipynb": '{"nbformat": 4, "cells": [{"cell_type": "code", "outputs": [{"text": [\n'
        '"Epoch 1: loss: 2.1 - val_loss: 2.3\\n",\n"Epoch 2: loss: 1.5 - val_loss: 1.6\\n",\n'
        '"Epoch 3: loss: 1.1 - val_loss: 1.2\\n"]}]}]}'
    },
    sniff=_sniff,
    read=lambda file: read_notebook(file.text),
)
