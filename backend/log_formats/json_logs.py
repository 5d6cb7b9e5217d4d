"""JSON documents and JSON lines."""

import json
from collections.abc import Iterator
from itertools import chain

from backend import work_budget
from backend.log_formats.columns import TableBuilder
from backend.log_formats.history import History, Unreadable
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FileFormat
from backend.log_formats.nested import flat, histories_of, own_history
from backend.log_formats.tables import histories_of_table

UNCHECKED_CHARACTERS = 1 << 20  # parsed, a shorter text takes little memory
MAX_PARSED_BYTES = 180 << 20
BYTES_PER = {",": 34, "[": 72, "{": 240}  # of memory: a value, a list, an object
SHOWN = 80  # characters of a line in a message


def read_document(text: str) -> list[History]:
    """Return the histories of a JSON document, or of a file of JSON lines. Raises Unreadable."""
    first, _, rest = text.strip().partition("\n")
    if first[:1] in "{[" and rest.strip() and _is_json(first):
        return _histories_of_lines(text)
    histories = histories_of(parsed(text))
    if not histories:
        raise Unreadable(
            "its JSON holds no lists of numbers and no records with numbers, such as "
            '{"loss": [...], "val_loss": [...]}'
        )
    return histories


def parsed(text: str) -> object:
    """Return a JSON document. Raises Unreadable, also if it would take too much memory."""
    if len(text) > UNCHECKED_CHARACTERS:
        needed = sum(text.count(mark) * size for mark, size in BYTES_PER.items())
        if needed > MAX_PARSED_BYTES and text.count(",") < text.count("[") + text.count("{"):
            raise Unreadable("its JSON is nested too deeply")
        if needed > MAX_PARSED_BYTES:
            raise Unreadable(
                f"its JSON holds {text.count(',') + 1:,} values, too many to keep at once; "
                "write a line of JSON per epoch, or CSV"
            )
    try:
        return json.loads(text)
    except RecursionError as error:
        raise Unreadable("its JSON is nested too deeply") from error
    except ValueError as error:
        raise Unreadable(f"its JSON is invalid: {error}") from error


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict | list)
    except (ValueError, RecursionError):
        return False


def _histories_of_lines(text: str) -> list[History]:
    """Return the histories of JSON lines: of records, or of a history per line."""
    lines = _documents(text)
    first = next(lines)
    if own_history(first):
        return histories_of([first, *lines])
    builder = TableBuilder()
    for document in chain([first], lines):
        if isinstance(document, dict):
            builder.add(flat(document).items())
    histories = histories_of_table(builder.table())
    if not histories:
        raise Unreadable("its lines of JSON hold no records with numbers")
    return histories


def _documents(text: str) -> Iterator[object]:
    """Yield the document of each line. The last line may be incomplete. Raises Unreadable."""
    start, number, length = 0, 0, len(text.rstrip())
    while start < length:
        work_budget.check()
        end = text.find("\n", start)
        end = length if end < 0 else end
        line, start, number = text[start:end], end + 1, number + 1
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            if start >= length:
                return  # the last line is still being written
            raise Unreadable(
                f'its line {number:,} is invalid JSON: {error}: "{line[:SHOWN]}"'
            ) from error


def _sniff(file: LogFile) -> bool:
    start = file.sample.lstrip()[:3]
    return start.startswith(("{", "[", '"{', '"[')) and not start.startswith(("{'", "['", "[{'"))


FORMAT = FileFormat(
    name="JSON and JSON lines",
    looks="lists of numbers under names, records of an epoch or a step each, objects keyed by "
    "epoch, DataFrame.to_json(), histories of folds; nested in each other; numbers may be text",
    files="history.json, trainer_state.json, trainer_log.jsonl, log.txt, metrics.json",
    example={"history.json": '{"loss": [2.1, 1.5, 1.1], "val_loss": [2.3, 1.6, 1.2]}'},
    sniff=_sniff,
    read=lambda file: read_document(file.text),
)
