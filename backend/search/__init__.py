"""The language in which runs are searched for: text in, a typed tree out. No SQL, no HTTP.

`metrics.val_loss < 0.3 and params.width = 32 and verdict = overfitting`, as documented in
docs/runs.md. `tokens` cuts the text, `fields` knows the names, `parser` builds what `syntax`
declares, `order` reads the columns to sort by; `backend.store.run_search` turns both into SQL.
"""

from backend.search.fields import Names
from backend.search.order import Order, parse_order
from backend.search.parser import parse
from backend.search.syntax import Condition

__all__ = ["Condition", "Names", "Order", "parse", "parse_order"]
