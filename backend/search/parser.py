"""Parser of filters and of sort orders such as `metrics.val_loss desc, params.width`."""

import re
from dataclasses import dataclass
from typing import Literal

from backend.runs.fields import filterable_fields
from backend.search import syntax
from backend.search.fields import CHOICES, Names, resolve
from backend.search.syntax import Combined, Condition, Not, Operator, Predicate, SearchField
from backend.search.tokens import FilterError, Token, quoted, suggestion, tokenise

MAX_COLUMNS = 4
WITHIN = "order_by"


@dataclass(frozen=True)
class Order:
    """A field to sort by. Runs without a value come last in both directions."""

    field: SearchField
    descending: bool = False

    def __str__(self) -> str:
        """Return the column and its direction as text."""
        return f"{self.field} {'desc' if self.descending else 'asc'}"


def parse_order(text: str, names: Names) -> tuple[Order, ...]:
    """Return the columns of an order; empty text has none. Raises FilterError."""
    columns: list[list[Token]] = [[]]
    for token in tokenise(text)[:-1]:
        if token.kind == "sign" and token.text == ",":
            columns.append([])
        else:
            columns[-1].append(token)
    if columns == [[]]:
        return ()
    if len(columns) > MAX_COLUMNS:
        at = columns[MAX_COLUMNS][0].at if columns[MAX_COLUMNS] else len(text)
        raise FilterError(at, f"accepted: at most {MAX_COLUMNS} columns.", field=WITHIN)
    return tuple(_column(tokens, len(text), names) for tokens in columns)


def _column(tokens: list[Token], end: int, names: Names) -> Order:
    if not tokens or tokens[0].kind != "word":
        at = tokens[0].at if tokens else end
        detail = "a field was expected, such as metrics.val_loss or created."
        raise FilterError(at, detail, field=WITHIN)
    field = resolve(tokens[0].text, tokens[0].at, names, within=WITHIN)
    if len(tokens) > 2 or (len(tokens) == 2 and not tokens[1].is_keyword("asc", "desc")):
        unexpected = tokens[-1]
        detail = f"{quoted(unexpected.text)} was found; accepted: asc, desc or a comma."
        raise FilterError(unexpected.at, detail, field=WITHIN)
    return Order(field, len(tokens) == 2 and tokens[1].is_keyword("desc"))


MAX_COMPARISONS = 30  # each may be a join; SQLite joins 64 tables
MAX_DEPTH = 30
OPERATOR_WORDS = ("like", "ilike", "in", "not", "is")
SIGN_OPERATORS: tuple[Operator, ...] = ("=", "!=", "<", "<=", ">", ">=")
WORD_OPERATORS: dict[str, Operator] = {"like": "like", "ilike": "ilike", "in": "in"}
EQUALITY = ("=", "!=", "in", "not in")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


SEARCHED = ("name", "run_name", "verdict", "severity", "status", "variant", "note")
"""The fields in which a word without a field is searched."""


def parse(text: str, names: Names) -> Condition | None:
    """Return the condition of a filter, None for an empty filter. Raises FilterError.

    Words alone are searched for in the texts of a run, as people expect of a search.
    """
    if not text.strip():
        return None
    tokens = tokenise(text)
    return _plain_words(tokens) or _Parser(tokens, names).filter()


def _plain_words(tokens: list[Token]) -> Condition | None:
    """Return the condition that each word is in one of the texts; None if these are not words."""
    words = tokens[:-1]
    are_words = all(
        token.kind in ("word", "text") and not token.is_keyword("and", "or", *OPERATOR_WORDS)
        for token in words
    )
    is_field = words[0].kind == "word" and (
        words[0].text.lower() in filterable_fields() or "." in words[0].text
    )
    if not are_words or is_field or len(words) * len(SEARCHED) > MAX_COMPARISONS:
        return None
    conditions = [_anywhere(token.text) for token in words]
    return conditions[0] if len(conditions) == 1 else Combined("and", tuple(conditions))


def _anywhere(word: str) -> Condition:
    fields = [SearchField("run", name, "text") for name in SEARCHED]
    return Combined("or", tuple(Predicate(field, "ilike", f"%{word}%") for field in fields))


class _Parser:
    def __init__(self, tokens: list[Token], names: Names) -> None:
        self._tokens, self._names = tokens, names
        self._place = self._comparisons = self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._next
        self._place += token.kind != "end"
        return token

    def _keyword(self, word: str) -> bool:
        if not self._next.is_keyword(word):
            return False
        self._take()
        return True

    def filter(self) -> Condition:
        """Parse the whole filter."""
        condition = self._combined("or")
        if self._next.kind != "end":
            raise self._unexpected("and, or, or the end of the filter")
        return condition

    def _combined(self, word: Literal["and", "or"]) -> Condition:
        parts = [self._all_of() if word == "or" else self._factor()]
        while self._keyword(word):
            parts.append(self._all_of() if word == "or" else self._factor())
        return Combined(word, tuple(parts)) if len(parts) > 1 else parts[0]

    def _all_of(self) -> Condition:
        return self._combined("and")

    def _factor(self) -> Condition:
        token = self._next
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FilterError(token.at, f"nested too deeply; accepted: {MAX_DEPTH} levels.")
        if self._keyword("not"):
            condition: Condition = Not(self._factor())
        elif token.kind == "sign" and token.text == "(":
            self._take()
            condition = self._combined("or")
            self._sign(")", "and, or, or )")
        else:
            condition = self._comparison()
        self._depth -= 1
        return condition

    def _comparison(self) -> Condition:
        token = self._next
        if token.kind != "word" or token.is_keyword("and", "or", *OPERATOR_WORDS):
            raise self._unexpected("a field, such as metrics.val_loss, params.width or verdict")
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise FilterError(token.at, f"accepted: at most {MAX_COMPARISONS} comparisons.")
        field = resolve(self._take().text, token.at, self._names)
        at = self._next.at
        operator = self._operator(field)
        _check(field, operator, at)
        if operator in ("is null", "is not null"):
            return Predicate(field, operator)
        if operator in ("in", "not in"):
            return Predicate(field, operator, self._values(field))
        return self._badge(field, operator) or Predicate(
            field, operator, self._value(field, operator)
        )

    def _badge(self, field: SearchField, operator: Operator) -> Condition | None:
        """Return the condition for a verdict as badges show it, such as "mild overfitting"."""
        severity, _, verdict = self._next.text.lower().partition(" ")
        is_badge = severity in CHOICES["severity"] and verdict in CHOICES["verdict"]
        if field.source != "run" or field.name != "verdict" or operator != "=" or not is_badge:
            return None
        self._take()
        with_severity = Predicate(SearchField("run", "severity", "text"), "=", severity)
        return Combined("and", (Predicate(field, "=", verdict), with_severity))

    def _operator(self, field: SearchField) -> Operator:
        token = self._take()
        if token.kind == "sign" and token.text in SIGN_OPERATORS:
            return next(operator for operator in SIGN_OPERATORS if operator == token.text)
        word = token.text.lower() if token.kind == "word" else ""
        if word in WORD_OPERATORS:
            return WORD_OPERATORS[word]
        if word == "not" and self._keyword("in"):
            return "not in"
        if word == "is":
            negated = self._keyword("not")
            if self._keyword("null"):
                return "is not null" if negated else "is null"
            raise self._unexpected("null or not null")
        self._place -= token.kind != "end"
        if field.kind == "truth" and (token.kind == "end" or token.is_keyword("and", "or")):
            raise self._unexpected(f"= true or = false after {field}")
        raise self._unexpected("=, !=, <, <=, >, >=, like, ilike, in, not in or is null")

    def _values(self, field: SearchField) -> tuple[float | str, ...]:
        self._sign("(", "( and values with commas between")
        values = [self._value(field, "in")]
        while self._next.text == "," and self._next.kind == "sign":
            self._take()
            values.append(self._value(field, "in"))
        self._sign(")", ", or )")
        return tuple(values)

    def _value(self, field: SearchField, operator: Operator) -> float | str:
        token = self._take()
        if token.kind not in ("word", "text") or token.is_keyword("and", "or"):
            self._place -= token.kind != "end"
            raise self._unexpected(_accepted(field))
        if field.name in CHOICES and field.source == "run" and operator in EQUALITY:
            return self._choice(field.name, token)
        return value(field, operator, token)

    def _choice(self, name: str, token: Token) -> str:
        choices = CHOICES[name]
        if token.text.lower() in choices:
            return token.text.lower()
        both = f"{token.text} {self._next.text}".lower()
        starts = [choice for choice in choices if choice.startswith(both)]
        if token.kind == "word" and self._next.kind == "word" and starts:
            detail = f'words with spaces need quotes: {name} = "{starts[0]}".'
            raise FilterError(token.at, detail)
        detail = f"there is no {name} {quoted(token.text)}; {suggestion(token.text, choices)}"
        raise FilterError(token.at, detail)

    def _sign(self, sign: str, accepted: str) -> None:
        if self._next.kind != "sign" or self._next.text != sign:
            raise self._unexpected(accepted)
        self._take()

    def _unexpected(self, accepted: str) -> FilterError:
        token = self._next
        seen = "the filter ends" if token.kind == "end" else f"{quoted(token.text)} was found"
        advice = ""
        if token.kind == "word" and "and" in accepted.split(", "):
            advice = " Text with spaces needs quotes."
        if token.text == "==":
            advice = " Write = for equality."
        return FilterError(token.at, f"{seen}; accepted: {accepted}.{advice}")


def value(field: SearchField, operator: Operator, token: Token) -> float | str:
    """Return the value of a token that is compared with a field. Raises FilterError."""
    number = token.kind == "word" and _NUMBER.fullmatch(token.text)
    if field.kind == "number" or (field.kind == "either" and number and "like" not in operator):
        if not number:
            detail = f"{quoted(token.text)} was found; {field} takes {_accepted(field)}."
            raise FilterError(token.at, detail)
        return float(token.text)
    if field.kind == "truth":
        if token.text.lower() not in _TRUTHS:
            detail = f"{quoted(token.text)} was found; {field} takes true or false."
            raise FilterError(token.at, detail)
        return _TRUTHS[token.text.lower()]
    if field.kind == "time":
        try:
            syntax.parse_time(token.text, now=0)
        except (ValueError, OverflowError):
            detail = f"{quoted(token.text)} was found; {field} takes {syntax.ACCEPTED_TIMES}."
            raise FilterError(token.at, detail) from None
    return token.text


def _check(field: SearchField, operator: Operator, at: int) -> None:
    """Raise FilterError for an operator that the kind of the field does not support."""
    if operator in ("like", "ilike") and field.kind not in ("text", "either"):
        kind = "a number" if field.kind == "number" else f"a {field.kind}"
        detail = f"{field} is {kind} and has no {operator}; accepted: =, !=, <, <=, >, >= or in."
        raise FilterError(at, detail)
    if field.kind == "truth" and operator not in ("=", "!="):
        raise FilterError(at, f"{operator} was found; {field} takes = or != and true or false.")
    if field.kind == "time" and operator in ("in", "not in"):
        raise FilterError(at, f"{operator} was found; {field} takes <, <=, >, >=, = or !=.")


def _accepted(field: SearchField) -> str:
    if field.source == "run" and field.name in CHOICES:
        return "one of " + ", ".join(CHOICES[field.name])
    if field.kind == "number" and field.name == "experiment":
        return 'the number of an experiment (for its name: name = "...")'
    return {
        "number": "a number",
        "text": 'a text, such as "two moons"',
        "time": syntax.ACCEPTED_TIMES,
        "truth": "true or false",
        "either": 'a number or a text, such as 32 or "adam"',
    }[field.kind]
