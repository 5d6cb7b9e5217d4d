"""Oracle of the filter language, for comparison with its SQL.

`CONDITIONS` draws random filters, and `holds` evaluates a filter in plain Python.
"""

import operator
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from hypothesis import strategies as st

from backend.search import Names, syntax
from backend.search.syntax import Combined, Condition, Not, Predicate, SearchField

NAMES = Names(
    frozenset({"train_loss", "val_loss", "val/acc 1"}),
    frozenset({"model.width", "training.width_decay", "training.optimizer"}),
)
NUMBERS = st.sampled_from([-1.0, 0.0, 0.25, 0.3, 2.0, 32.0, 1e-7])
TEXTS = st.sampled_from(["adam", "Adam", "sgd", 'a "quoted" word', "50 % [x]", "", "a_b*c?"])
NOW = 1_790_000_000_000
TIMES = st.sampled_from(["2026-09-01", "2026-09-21T10:30", "-7d", "-0h"])

METRICS = st.builds(
    lambda name, part: SearchField("metric", name, "number", part),
    st.sampled_from(sorted(NAMES.metrics)),
    st.sampled_from(["last", "min", "max", "best"]),
)
COUNTS = st.sampled_from(["id", "parameters", "epoch", "best_epoch", "early_stop_epoch", "gap"])
PARAMS = st.sampled_from(sorted(NAMES.params)).map(
    lambda name: SearchField("param", name, "either")
)
TAGS = st.sampled_from(["owner", "a.b", "odd key"]).map(
    lambda name: SearchField("tag", name, "text")
)
WORDS = st.sampled_from(["name", "note"]).map(lambda name: SearchField("run", name, "text"))
COMPARED = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
LISTED = st.sampled_from(["in", "not in"])
LIKE = st.sampled_from(["like", "ilike"])


def _values(value: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(value, min_size=1, max_size=3).map(tuple)


def _of(
    fields: st.SearchStrategy[SearchField], values: st.SearchStrategy[Any], *, equal: bool = False
) -> st.SearchStrategy[Predicate]:
    signs: Any = st.sampled_from(["=", "!="]) if equal else COMPARED
    return st.one_of(
        st.builds(Predicate, fields, signs, values),
        st.builds(Predicate, fields, LISTED, _values(values)),
        st.builds(Predicate, fields, st.sampled_from(["is null", "is not null"])),
    )


COMPARISONS = st.one_of(
    _of(METRICS | COUNTS.map(lambda name: SearchField("run", name, "number")), NUMBERS),
    _of(PARAMS, NUMBERS | TEXTS, equal=True),
    _of(PARAMS, NUMBERS),
    _of(TAGS | WORDS, TEXTS, equal=True),
    st.builds(Predicate, TAGS | WORDS | PARAMS, LIKE, TEXTS | st.sampled_from(["A%", "_d%"])),
    st.builds(Predicate, st.just(SearchField("run", "created", "time")), COMPARED, TIMES),
    st.builds(
        Predicate, st.just(SearchField("run", "pinned", "truth")), st.just("="), st.booleans()
    ),
    _of(
        st.just(SearchField("run", "verdict", "text")),
        st.sampled_from(["overfitting", "good fit"]),
        equal=True,
    ),
)


def _joined(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(parts.map(Not), st.builds(Combined, st.sampled_from(["and", "or"]), several))


CONDITIONS: st.SearchStrategy[Condition] = st.recursive(COMPARISONS, _joined, max_leaves=6)


def holds(condition: Condition, row: Mapping[SearchField, Any]) -> bool:
    """Return whether a condition holds for a row, which maps each field to a value or None."""
    if isinstance(condition, Not):
        return not holds(condition.part, row)
    if isinstance(condition, Combined):
        combine = all if condition.word == "and" else any
        return combine(holds(part, row) for part in condition.parts)
    return _compares(condition, row[condition.field])


def _compares(comparison: Predicate, actual: Any) -> bool:
    if comparison.operator in ("is null", "is not null"):
        return (actual is None) == (comparison.operator == "is null")
    if actual is None:
        return False
    if isinstance(comparison.value, tuple):
        equalities = [Predicate(comparison.field, "=", value) for value in comparison.value]
        is_listed = any(_compares(equality, actual) for equality in equalities)
        return is_listed == (comparison.operator == "in")
    return _compares_value(comparison, actual)


def _compares_value(comparison: Predicate, actual: Any) -> bool:
    value: Any = comparison.value
    if comparison.field.kind == "time":
        value = syntax.parse_time(value, now=NOW)
    if comparison.field.kind == "either":  # stored as text and, if it is a number, as a number too
        is_number = isinstance(actual, int | float)
        if isinstance(value, float) and not is_number:
            return False
        actual = actual if isinstance(value, float) else f"{actual:g}" if is_number else actual
    if comparison.operator in ("like", "ilike"):
        fold = str.lower if comparison.operator == "ilike" else str
        glob = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
        return fnmatchcase(fold(actual), "".join(glob.get(c, c) for c in fold(value)))
    return bool(_COMPARED[comparison.operator](actual, value))


_COMPARED: dict[str, Any] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
