"""Whether what the database holds agrees with itself: each check returns what does not.

Read only. A check takes an open session and returns sentences, none where all is well; it stops
after the first few of a kind.
"""

from backend.store.consistency.integrity import damaged, lacking
from backend.store.consistency.points import POINTS, recent_runs, untrue_epochs, untrue_summaries
from backend.store.consistency.records import abandoned, orphans, untrue_revisions, untrue_states

__all__ = [
    "POINTS",
    "abandoned",
    "damaged",
    "lacking",
    "orphans",
    "recent_runs",
    "untrue_epochs",
    "untrue_revisions",
    "untrue_states",
    "untrue_summaries",
]
