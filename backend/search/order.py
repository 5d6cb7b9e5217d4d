"""Parse the columns that a list is sorted by: `metrics.val_loss desc, params.width`."""

from dataclasses import dataclass

from backend.search.errors import FilterError, quoted
from backend.search.fields import Names, resolve
from backend.search.syntax import SearchField
from backend.search.tokens import Token, tokenise

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
