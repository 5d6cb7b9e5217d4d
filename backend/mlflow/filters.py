"""Filters of searches, such as ``metrics.loss < 0.3 AND tags.team = 'vision'``, as typed trees.

A filter is a list of comparisons that must all hold. As in MLflow, the word AND between them may be
left out; there is no OR and no NOT.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from backend.mlflow.errors import InvalidParameter
from backend.mlflow.filter_tokens import Token, shown, tokenise, unquoted

Entity = Literal["metric", "param", "tag", "attribute", "dataset"]
Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"
]
Value = float | int | str | tuple[str, ...] | None

ENTITIES: dict[str, Entity] = {
    **dict.fromkeys(("metric", "metrics"), "metric"),
    **dict.fromkeys(("param", "params", "parameter", "parameters"), "param"),
    **dict.fromkeys(("tag", "tags"), "tag"),
    **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
    **dict.fromkeys(("dataset", "datasets"), "dataset"),
}
NUMERIC: tuple[Operator, ...] = ("=", "!=", "<", "<=", ">", ">=")
EQUAL_OR_LIKE: tuple[Operator, ...] = ("=", "!=", "LIKE", "ILIKE")
WITH_LISTS: tuple[Operator, ...] = (*EQUAL_OR_LIKE, "IN", "NOT IN")
WITH_NULL: tuple[Operator, ...] = (*EQUAL_OR_LIKE, "IS NULL", "IS NOT NULL")
MAX_COMPARISONS = 60


@dataclass(frozen=True)
class Comparison:
    """One condition. IN has a tuple of texts as its value, and IS NULL has None."""

    entity: Entity
    key: str
    operator: Operator
    value: Value = None


@dataclass(frozen=True)
class Vocabulary:
    """The names that the filter of one kind of search may use.

    `numbers` and `texts` map all names of attributes to the attributes. `lists` are the attributes
    that may be compared with a list, `sortable` the entities to sort by.
    """

    entities: frozenset[Entity]
    sortable: frozenset[Entity]
    numbers: dict[str, str]
    texts: dict[str, str]
    lists: frozenset[str]
    operators: dict[Entity, tuple[Operator, ...]]

    def attribute(self, name: str) -> str:
        """Return the attribute that a name means. Raises InvalidParameter."""
        known = {**self.numbers, **self.texts}
        if name not in known:
            accepted = ", ".join(sorted(known))
            raise InvalidParameter(f"There is no attribute {shown(name)}; accepted: {accepted}.")
        return known[name]


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_SHARED: dict[Entity, tuple[Operator, ...]] = {
    "metric": NUMERIC, "param": WITH_NULL, "tag": WITH_NULL, "dataset": WITH_LISTS
}  # fmt: skip
DATASET_KEYS = ("name", "digest", "context")
RUNS = Vocabulary(
    entities=frozenset(ENTITIES.values()),
    sortable=frozenset({"attribute", "metric", "param", "tag"}),
    numbers={
        **_same("start_time", "end_time"), "created": "start_time", "Created": "start_time"
    },
    texts={
        **_same("run_id", "run_name", "status", "user_id", "artifact_uri"),
        **dict.fromkeys(("run name", "Run name", "Run Name"), "run_name"),
    },
    lists=frozenset({"run_id"}),
    operators=_SHARED,
)  # fmt: skip
EXPERIMENTS = Vocabulary(
    entities=frozenset({"attribute", "tag"}),
    sortable=frozenset({"attribute"}),
    numbers=_same("creation_time", "last_update_time"),
    texts=_same("name", "experiment_id"),
    lists=frozenset({"experiment_id"}),
    operators=_SHARED,
)
MODELS = Vocabulary(
    entities=frozenset({"attribute", "metric", "param", "tag"}),
    sortable=frozenset({"attribute", "metric", "param", "tag"}),
    numbers=_same("creation_timestamp", "creation_timestamp_ms", "last_updated_timestamp_ms"),
    texts=_same("name", "model_id", "model_type", "status", "source_run_id"),
    lists=frozenset({"name", "model_id", "model_type", "status", "source_run_id"}),
    operators=_SHARED,
)


def parse_filter(text: str, vocabulary: Vocabulary) -> list[Comparison]:
    """Return the comparisons of a filter; an empty one has none. Raises InvalidParameter."""
    return _Parser(tokenise(text), vocabulary).comparisons()


def split_name(written: str, vocabulary: Vocabulary) -> tuple[Entity, str]:
    """Return the entity and the key that a name such as ``metrics.`val/loss``` means.

    A name without a dot is an attribute. Raises InvalidParameter.
    """
    prefix, dot, rest = written.partition(".")
    if not dot or written.startswith("`"):
        return "attribute", vocabulary.attribute(unquoted(written))
    entity = ENTITIES.get(unquoted(prefix))
    if entity is None or entity not in vocabulary.entities:
        accepted = ", ".join(name for name in ENTITIES if ENTITIES[name] in vocabulary.entities)
        raise InvalidParameter(f"{shown(prefix)} is not searchable; accepted: {accepted}.")
    key = unquoted(rest)
    if entity == "attribute":
        return entity, vocabulary.attribute(key)
    if entity == "dataset" and key not in DATASET_KEYS:
        raise InvalidParameter(
            f"A dataset has no {shown(key)}; accepted: {', '.join(DATASET_KEYS)}."
        )
    return entity, key


class _Parser:
    def __init__(self, tokens: Sequence[Token], vocabulary: Vocabulary) -> None:
        self._tokens, self._vocabulary = tokens, vocabulary
        self._place = 0

    def comparisons(self) -> list[Comparison]:
        found: list[Comparison] = []
        while self._next.kind != "end":
            if self._next.is_word("AND"):
                self._take()
                continue
            found.append(self._comparison())
            if len(found) > MAX_COMPARISONS:
                raise InvalidParameter(
                    f"The filter is too long; accepted: up to {MAX_COMPARISONS} comparisons."
                )
        return found

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._next
        self._place += token.kind != "end"
        return token

    def _comparison(self) -> Comparison:
        token = self._take()
        if token.kind != "identifier" or token.is_word("OR", "NOT"):
            raise InvalidParameter(
                f"{shown(token.text)} was found where a comparison begins; accepted: such as "
                "metrics.loss < 0.3, joined by AND."
            )
        name = self._with_spaces(token.text)
        entity, key = split_name(name, self._vocabulary)
        operator = self._operator()
        accepted = self._accepted(entity, key)
        if operator not in accepted:
            raise InvalidParameter(
                f"{shown(name)} cannot be compared by {operator}; accepted: {', '.join(accepted)}."
            )
        if operator in ("IS NULL", "IS NOT NULL"):
            return Comparison(entity, key, operator)
        return Comparison(entity, key, operator, self._value(entity, key, operator))

    def _with_spaces(self, text: str) -> str:
        """Return a name with the word after it if both together are an attribute: run name."""
        both = f"{text} {self._next.text}"
        if self._next.kind == "identifier" and both in self._vocabulary.texts:
            self._take()
            return both
        return text

    def _accepted(self, entity: Entity, key: str) -> tuple[Operator, ...]:
        if entity != "attribute":
            return self._vocabulary.operators[entity]
        if key in self._vocabulary.numbers.values():
            return NUMERIC
        return WITH_LISTS if key in self._vocabulary.lists else EQUAL_OR_LIKE

    def _operator(self) -> Operator:
        token = self._take()
        if token.kind == "operator":
            return next(operator for operator in NUMERIC if operator == token.text)
        word = token.text.upper() if token.kind == "identifier" else ""
        if word in ("NOT", "IS"):
            word = self._two_words(word)
        for operator in (*WITH_LISTS, *WITH_NULL):
            if operator == word:
                return operator
        raise InvalidParameter(
            f"{shown(token.text)} is not a comparison; accepted: {', '.join(NUMERIC)}, LIKE, "
            "ILIKE, IN, NOT IN, IS NULL, IS NOT NULL."
        )

    def _two_words(self, first: str) -> str:
        """Return the rest of NOT IN, IS NULL or IS NOT NULL with its first word."""
        words = [first, self._take().text.upper()]
        if words == ["IS", "NOT"]:
            words.append(self._take().text.upper())
        return " ".join(words)

    def _value(self, entity: Entity, key: str, operator: Operator) -> Value:
        if operator in ("IN", "NOT IN"):
            return self._list()
        token = self._take()
        if entity == "metric" or (entity == "attribute" and key in self._vocabulary.numbers):
            if token.kind != "number":
                raise InvalidParameter(f"{shown(token.text)} is not a number, as {key} is.")
            whole = re.fullmatch(r"[+-]?\d{1,18}", token.text)
            return int(token.text) if whole else float(token.text)
        return self._text(token)

    def _text(self, token: Token) -> str:
        is_quoted = token.kind == "text" or (token.kind == "identifier" and token.text[0] == '"')
        if not is_quoted:
            raise InvalidParameter(f"{shown(token.text)} is not text in quotes, such as 'vision'.")
        return unquoted(token.text)

    def _list(self) -> tuple[str, ...]:
        self._sign("(")
        values = [self._text(self._take())]
        while self._next.kind == "sign" and self._next.text == ",":
            self._take()
            if self._next.text == ")":
                break
            values.append(self._text(self._take()))
        self._sign(")")
        return tuple(values)

    def _sign(self, sign: str) -> None:
        token = self._take()
        if token.kind != "sign" or token.text != sign:
            raise InvalidParameter(
                f"{shown(token.text)} is not a list of texts, such as ('a', 'b')."
            )
