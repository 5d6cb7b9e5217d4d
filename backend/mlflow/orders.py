"""Columns to sort by, such as ``metrics.loss DESC``, and tokens of pages."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from backend.mlflow.errors import InvalidParameter
from backend.mlflow.filter_tokens import shown, tokenise
from backend.mlflow.filters import Entity, Vocabulary, split_name

MAX_COLUMNS = 20
MAX_OFFSET = 2**31 - 1


@dataclass(frozen=True)
class Column:
    """A value to sort by. Runs without it come last in both directions."""

    entity: Entity
    key: str
    descending: bool = False


def parse_order(texts: Sequence[str], vocabulary: Vocabulary) -> list[Column]:
    """Return the columns, each named once. Raises InvalidParameter."""
    if len(texts) > MAX_COLUMNS:
        raise InvalidParameter(f"order_by has {len(texts)} columns; accepted: up to {MAX_COLUMNS}.")
    columns = [_column(text, vocabulary) for text in texts]
    if len({(column.entity, column.key) for column in columns}) < len(columns):
        raise InvalidParameter(f"order_by names a column twice: {shown(', '.join(texts))}.")
    return columns


def _column(text: str, vocabulary: Vocabulary) -> Column:
    tokens = tokenise(text)[:-1]
    directions = [token.text.upper() for token in tokens[1:]]
    if not tokens or tokens[0].kind != "identifier" or directions not in ([], ["ASC"], ["DESC"]):
        raise InvalidParameter(
            f"order_by {shown(text)} could not be read; accepted: such as metrics.loss DESC."
        )
    entity, key = split_name(tokens[0].text, vocabulary)
    if entity not in vocabulary.sortable:
        accepted = ", ".join(sorted(vocabulary.sortable))
        raise InvalidParameter(f"order_by {shown(text)} is a {entity}; accepted: {accepted}.")
    return Column(entity, key, directions == ["DESC"])


def page_token(offset: int) -> str:
    """Return the token of the page that begins at an offset."""
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def offset_of(token: str | None) -> int:
    """Return the offset of a page; without a token it is 0. Raises InvalidParameter."""
    if not token:
        return 0
    try:
        content = json.loads(base64.b64decode(token, validate=True))
        offset = int(content["offset"])
    except (ValueError, TypeError, KeyError, RecursionError):
        offset = 0
    if not 0 < offset <= MAX_OFFSET:
        raise InvalidParameter(
            f"page_token is {shown(token)}; accepted: the next_page_token of the page before."
        )
    return offset
