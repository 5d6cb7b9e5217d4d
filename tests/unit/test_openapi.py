"""Changes of the REST interface require an update of its snapshot."""

from tests.make_openapi import SNAPSHOT, make_snapshot

UPDATE = "the REST interface changed; if that is intended, run `python -m tests.make_openapi`"


def test_openapi_document_matches_the_snapshot() -> None:
    assert make_snapshot().splitlines() == SNAPSHOT.read_text().splitlines(), UPDATE
