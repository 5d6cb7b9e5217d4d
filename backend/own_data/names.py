"""Names of data sets."""

import re

from backend.errors import InvalidInput
from backend.own_data.limits import MAX_NAME_CHARACTERS
from backend.specification.data_sources import SOURCES

ACCEPTED = (
    f"1 to {MAX_NAME_CHARACTERS} letters, digits, spaces and . _ -, beginning with a letter, and "
    "not the name of a built-in source"
)
_NAME = re.compile(r"[^\W\d_][\w .-]*")
_OTHERS = re.compile(r"[^\w.-]+")


def checked_name(name: str) -> str:
    """Return the name of a data set. Raises InvalidInput."""
    plain = " ".join(name.split())
    is_name = _NAME.fullmatch(plain) and len(plain) <= MAX_NAME_CHARACTERS
    if not is_name or plain in list(SOURCES):
        raise InvalidInput(f'name is "{name[:MAX_NAME_CHARACTERS]}"; accepted: {ACCEPTED}.', "name")
    return plain


def name_of_file(file_name: str) -> str:
    """Return a name for a data set from the name of its file."""
    stem = file_name.replace("\\", "/").rpartition("/")[2].partition(".")[0]
    name = _OTHERS.sub("_", stem).lstrip("_.-0123456789")[:MAX_NAME_CHARACTERS]
    return f"my_{name}" if not name or name in list(SOURCES) else name
