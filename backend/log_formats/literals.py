"""Python literals as people print them: str(history), with the names of NumPy and PyTorch."""

import ast
import re

from backend.log_formats.history import Unreadable

MAX_CHARACTERS = 4 << 20
MAX_VALUES = 300_000  # the syntax tree of a value takes 300 bytes
_WRAPPED = re.compile(
    r"\b(?:np\.|numpy\.|jnp\.|torch\.|tf\.)?(?:float|int|uint|bfloat)\d*\(\s*([-+.\w]+)\s*\)"
    r"|\btensor\(\s*([-+.\w]+)\s*(?:,[^()]*(?:\([^()]*\))?)?\)"
    r"|\bDecimal\('([-+.\w]+)'\)"
)
_ARRAYS = re.compile(
    r"\b(?:np\.|numpy\.|torch\.)?(?:array|tensor|Array)\(\s*(\[[^()]*\])\s*(?:,\s*\w+=[^()]*(?:\([^()]*\))?)*\)"
)
_DEFAULTDICT = re.compile(r"\bdefaultdict\(\s*(?:<[^<>]*>|None|\w+)\s*,\s*(?=\{)")
_ORDERED = re.compile(r"\bOrderedDict\(")
_OBJECT = re.compile(r"<[^<>]{1,200}>")
_NOT_A_NUMBER = re.compile(r"(?<![\w'\"])(?:nan|NaN|null)(?![\w'\"])")
_INFINITE = re.compile(r"(?<![\w'\"])(?:inf|Infinity)(?![\w'\"])")
_ASSIGNED = re.compile(r"\s*[A-Za-z_][\w.]{0,60}\s*[:=]\s*(?=[\[{(])")


def literal_in(text: str) -> object:
    """Return the value of a Python literal in a text, None for other text."""
    if text.strip()[:1] not in ("{", "[", "(") and not text.strip().startswith(
        ("defaultdict(", "OrderedDict(")
    ):
        text = _ASSIGNED.sub("", text, count=1)
    try:
        return read_literal(text)
    except Unreadable:
        return None


def read_literal(text: str) -> object:
    """Return the value of a Python literal; calls of NumPy, PyTorch and collections are undone.

    Raises Unreadable.
    """
    if len(text) > MAX_CHARACTERS or text.count(",") > MAX_VALUES:
        raise Unreadable(
            f"it is a Python literal with {text.count(',') + 1:,} values; accepted: at most "
            f"{MAX_VALUES:,}. Save it with json.dump"
        )
    try:
        return _plain(ast.literal_eval(_undone(text.strip())))
    except SyntaxError as error:
        line = text.strip().split("\n")[max(0, (error.lineno or 1) - 1) :][:1]
        shown = line[0][:80] if line else ""
        raise Unreadable(
            f'its Python literal is invalid in line {error.lineno or 1}: "{shown}"'
        ) from error
    except (ValueError, TypeError, MemoryError, RecursionError) as error:
        raise Unreadable("it is neither JSON nor a Python literal of lists and dicts") from error


def _undone(text: str) -> str:
    text = _WRAPPED.sub(lambda match: match[1] or match[2] or match[3], text)
    text = _ARRAYS.sub(r"\1", text)
    closing = len(_DEFAULTDICT.findall(text)) + len(_ORDERED.findall(text))
    if closing:
        text = _without_calls(text)
    text = _OBJECT.sub("None", text)
    return _INFINITE.sub("1e999", _NOT_A_NUMBER.sub("None", text))


def _without_calls(text: str) -> str:
    """Remove defaultdict(...) and OrderedDict(...) around a literal."""
    text = _ORDERED.sub("(", text)
    return _DEFAULTDICT.sub("(", text)


def _plain(value: object) -> object:
    """Return tuples as lists, and lists of pairs of names and values as dictionaries."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        items = list(value)
        if items and all(
            isinstance(i, tuple) and len(i) == 2 and isinstance(i[0], str) for i in items
        ):
            return {str(item[0]): _plain(item[1]) for item in items}
        return [_plain(item) for item in items]
    return value


def _is_named(item: object) -> bool:
    """Return whether an item is a pair of a name and a value, as in OrderedDict([...])."""
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)
