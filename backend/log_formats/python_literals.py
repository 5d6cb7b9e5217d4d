"""Python literals in a file: str(history.history), or lists that are assigned to names."""

import re

from backend.log_formats.history import History, Unreadable
from backend.log_formats.literals import literal_in, read_literal
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FileFormat
from backend.log_formats.nested import histories_of

_LITERAL = re.compile(
    r"\s*(?:[A-Za-z_][\w.]{0,60}\s*[:=]\s*)?(?:defaultdict\(|OrderedDict\(|\{\s*['\d]|\[\s*\{\s*'|\[\s*-?\d)"
)
_ASSIGNMENT = re.compile(
    r"^[\"']?([A-Za-z_][\w .\-/]{0,60}?)[\"']?\s*[:=]\s*((?:\w+\.)?(?:\w+\()?\[[^\[\]]*\]\)?)",
    re.MULTILINE,
)


def read_literals(text: str) -> list[History]:
    """Return the histories of a text that is a Python literal, or lists under names.

    Raises Unreadable.
    """
    names = _ASSIGNMENT.findall(text)
    if len(names) > 1:
        document: object = {name.strip(): literal_in(value) for name, value in names}
    else:
        document = literal_in(text)
        if document is None:
            document = read_literal(text)
    histories = histories_of(document)
    if not histories:
        raise Unreadable("its Python literal holds no lists of numbers under names")
    return histories


def _sniff(file: LogFile) -> bool:
    return bool(_LITERAL.match(file.sample)) or len(_ASSIGNMENT.findall(file.sample)) > 1


FORMAT = FileFormat(
    name="Python literal",
    looks="str(history.history) with NumPy's or PyTorch's numbers, or lists assigned to names",
    files="history.txt, losses.txt",
    example={"history.txt": "{'loss': [2.1, 1.5, 1.1], 'val_loss': [2.3, 1.6, 1.2]}"},
    sniff=_sniff,
    read=lambda file: read_literals(file.text),
)
