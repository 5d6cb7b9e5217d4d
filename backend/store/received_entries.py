"""Entries of logs that were received, so that an entry which is sent again is not logged again."""

import hashlib
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.store import bulk
from backend.store.tables import ReceivedEntry

DIGEST_BYTES = 16


def add(session: Session, run_id: int, entry_ids: Iterable[str]) -> set[str]:
    """Note the ids of entries of a run; return those that were not received before.

    `external_runs.locate` has locked the run. Ids are text of any length; their digests are stored.
    """
    by_digest = {_digest(entry_id): entry_id for entry_id in entry_ids}
    for chunk in bulk.chunks(list(by_digest)):
        known = select(ReceivedEntry.digest).where(
            ReceivedEntry.run_id == run_id, ReceivedEntry.digest.in_(chunk)
        )
        for digest in session.scalars(known):
            del by_digest[digest]
    bulk.insert(session, ReceivedEntry, [(run_id, digest) for digest in by_digest])
    return set(by_digest.values())


def _digest(entry_id: str) -> bytes:
    return hashlib.blake2b(entry_id.encode(), digest_size=DIGEST_BYTES).digest()
