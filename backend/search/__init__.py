"""The filter language for runs: text in, a typed tree out. It knows neither SQL nor HTTP.

An example: `metrics.val_loss < 0.3 and params.width = 32 and verdict = overfitting`. The language
is documented in docs/runs.md. `tokens` splits the text, `fields` resolves names, `parser` builds
the tree that `syntax` declares, and `order` reads the columns to sort by.
`backend.store.run_search` translates both to SQL.
"""

from backend.search.fields import Names
from backend.search.parser import Order, parse, parse_order
from backend.search.syntax import Condition

__all__ = ["Condition", "Names", "Order", "parse", "parse_order"]
