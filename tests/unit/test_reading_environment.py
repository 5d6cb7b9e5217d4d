"""The environment of the processes that read files of others."""

import pytest

from backend.reading_environment import reading_environment


def test_no_secret_reaches_a_reading_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAB_TOKEN", "LAB_DATABASE", "LAB_BROKER", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "secret")
    assert "secret" not in reading_environment().values()
    assert "PATH" in reading_environment()
