"""Reading the written specification field by field: what is refused is noted, never raised."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from backend.errors import FieldError
from backend.specification.hyperparameters import show


def read_mapping(
    path: str | None, value: Any, fields: tuple[str, ...], errors: list[FieldError]
) -> Mapping[str, Any]:
    """Return `value` if it is a mapping; note what is not a field of it."""
    what = path or "The specification"
    if not isinstance(value, Mapping):
        fields_text = ", ".join(fields)
        errors.append(
            FieldError(path, f"{what} is {show(value)}; accepted: fields among {fields_text}.")
        )
        return {}
    for key in value:
        if key not in fields:
            full = f"{path}.{key}" if path else str(key)
            errors.append(
                FieldError(
                    full,
                    f"{full[:80]} ({show(value[key])}) is not a field of the specification; "
                    f"accepted: {', '.join(fields)}.",
                )
            )
    return value


def read_line(path: str, value: Any, longest: int, errors: list[FieldError]) -> str | None:
    """Return a line of text of 1 to `longest` letters, None if it is none."""
    printable = isinstance(value, str) and not any(unicodedata.category(c) == "Cc" for c in value)
    if printable and 1 <= len(value.strip()) <= longest:
        return str(value).strip()
    errors.append(
        FieldError(path, f"{path} is {show(value)}; accepted: one line of 1 to {longest} letters.")
    )
    return None
