"""Consistency checks of the database, for `lab doctor`.

Each check reads from an open session and returns a sentence per problem. It stops after the first
few problems of a kind.
"""

from backend.store.consistency_checks import (
    MAX_POINTS_READ,
    count_abandoned,
    epoch_problems,
    file_problems,
    recent_runs,
    reference_problems,
    revision_problems,
    schema_problems,
    state_problems,
    summary_problems,
)

__all__ = [
    "MAX_POINTS_READ",
    "count_abandoned",
    "epoch_problems",
    "file_problems",
    "recent_runs",
    "reference_problems",
    "revision_problems",
    "schema_problems",
    "state_problems",
    "summary_problems",
]
