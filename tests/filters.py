"""Filters at random, and what they mean in plain Python: the oracle of their SQL."""

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


def _values(one: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, min_size=1, max_size=3).map(tuple)


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
    """Whether a condition holds for a row, which has a value, or None, for each field."""
    if isinstance(condition, Not):
        return not holds(condition.part, row)
    if isinstance(condition, Combined):
        every = all if condition.word == "and" else any
        return every(holds(part, row) for part in condition.parts)
    return _compares(condition, row[condition.field])


def _compares(one: Predicate, found: Any) -> bool:
    if one.operator in ("is null", "is not null"):
        return (found is None) == (one.operator == "is null")
    if found is None:
        return False
    if isinstance(one.value, tuple):
        among = any(_compares(Predicate(one.field, "=", each), found) for each in one.value)
        return among == (one.operator == "in")
    return _told(one, found)


def _told(one: Predicate, found: Any) -> bool:
    value: Any = one.value
    if one.field.kind == "time":
        value = syntax.parse_time(value, now=NOW)
    if one.field.kind == "either":  # stored as text and, where it is one, as a number
        number = isinstance(found, int | float)
        if isinstance(value, float) and not number:
            return False
        found = found if isinstance(value, float) else f"{found:g}" if number else found
    if one.operator in ("like", "ilike"):
        fold = str.lower if one.operator == "ilike" else str
        glob = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
        return fnmatchcase(fold(found), "".join(glob.get(c, c) for c in fold(value)))
    return bool(_COMPARED[one.operator](found, value))


_COMPARED: dict[str, Any] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
