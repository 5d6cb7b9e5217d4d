"""Every answer of the REST interface is as its document says, whatever the request."""

import pytest

from tests.api import Api
from tests.conformance import Conformance

SECONDS = 75
"""Enough for the coverage of all operations on a slow machine; `tests.conformance` runs longer."""


@pytest.mark.timeout(SECONDS + 200)
def test_every_answer_is_as_documented(sqlite_api: Api) -> None:
    report = Conformance(sqlite_api.app, seconds=SECONDS, seed=1, examples=5).run()
    assert report.failures == {}
    assert report.requests > 30
