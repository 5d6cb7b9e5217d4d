"""Reading the fields of a specification one by one, each error as one sentence."""

import unicodedata
from collections.abc import Collection, Mapping

from backend.errors import FieldError
from backend.specification.hyperparameters import show

# Marks that reorder the text around them: LRE to RLO and LRI to PDI (Unicode Bidirectional
# Algorithm). A name with one can look like another name.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def read_mapping(
    path: str | None, value: object, fields: Collection[str], errors: list[FieldError]
) -> Mapping[str, object]:
    """Return `value` if it is a mapping, else an empty one. Append an error per unknown field."""
    if not isinstance(value, Mapping):
        name, accepted = path or "The specification", ", ".join(fields)
        detail = f"{name} is {show(value)}; accepted: fields among {accepted}."
        errors.append(FieldError(path, detail))
        return {}
    for key in value:
        if key not in fields:
            full = f"{path}.{key}" if path else str(key)
            detail = (
                f"{full[:80]} ({show(value[key])}) is not a field of the specification; "
                f"accepted: {', '.join(fields)}."
            )
            errors.append(FieldError(full, detail))
    return value


def read_line(path: str, value: object, longest: int, errors: list[FieldError]) -> str | None:
    """Return a line of 1 to `longest` characters, or None after appending an error."""
    if isinstance(value, str) and is_one_line(value):
        line = value.strip()
        if 1 <= len(line) <= longest:
            return line
    accepted = f"one line of 1 to {longest} characters"
    errors.append(FieldError(path, f"{path} is {show(value)}; accepted: {accepted}."))
    return None


def is_one_line(text: str) -> bool:
    """Return whether text has no control characters, line separators and reordering marks."""
    return not any(
        unicodedata.category(character) in ("Cc", "Zl", "Zp") or character in _REORDERING
        for character in text
    )
