"""Secrets created at the first start, and the token setting."""

import os
import stat
from pathlib import Path

import pytest
from pydantic import ValidationError

from backend.access.token_strength import token_problem
from backend.cli import main
from backend.errors import InvalidInput
from backend.operations import credentials
from backend.settings import Settings

STRONG = "Zk3vQ9xw7Lr2Tn8Yb5Hs1Dm6"


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_each_deployment_gets_different_secrets(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        credentials.create_missing(tmp_path / name)
    first, second = contents(tmp_path / "one"), contents(tmp_path / "other")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] == second[name]] == []


def test_urls_and_configuration_contain_the_passwords(tmp_path: Path) -> None:
    credentials.create_missing(tmp_path)
    secrets = contents(tmp_path)
    assert (
        secrets["lab_database"]
        == f"postgresql://lab:{secrets['postgres_password']}@postgres:5432/lab"
    )
    assert secrets["lab_broker"] == f"redis://:{secrets['valkey_password']}@valkey:6379/0"
    assert secrets["valkey.conf"] == f"requirepass {secrets['valkey_password']}"
    assert token_problem(secrets["lab_token"]) is None


def test_a_second_start_keeps_the_secrets(tmp_path: Path) -> None:
    credentials.create_missing(tmp_path)
    before = contents(tmp_path)
    (tmp_path / "lab_broker").unlink()  # as after a killed start
    (tmp_path / "lab_broker.partial").write_text("redis:")
    credentials.create_missing(tmp_path)
    assert contents(tmp_path) == before


def test_renewing_the_token_changes_only_the_token(tmp_path: Path) -> None:
    credentials.create_missing(tmp_path)
    before = contents(tmp_path)
    credentials.renew_token(tmp_path)
    after = contents(tmp_path)
    assert [name for name in before if before[name] != after[name]] == ["lab_token"]


def test_the_token_file_is_readable_only_by_its_owner(tmp_path: Path) -> None:
    token = credentials.token(tmp_path)
    assert credentials.token(tmp_path) == token == credentials.stored_token(tmp_path)
    assert stat.S_IMODE((tmp_path / "lab_token").stat().st_mode) == 0o400


def test_settings_for_another_machine_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_SECRETS_DIR", str(tmp_path))
    assert main(["secrets", "--join", "10.0.0.7"]) == 0
    password = (tmp_path / "postgres_password").read_text()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"LAB_DATABASE=postgresql://lab:{password}@10.0.0.7:5432/lab"
    assert lines[1].endswith("@10.0.0.7:6379/0")


def test_secrets_need_a_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LAB_SECRETS_DIR", raising=False)
    assert main(["secrets"]) == 2
    assert "LAB_SECRETS_DIR is not set" in capsys.readouterr().err


WRONG = ["", "short", "fifteen-letters", "with a space in it", "ä" * 20]
GUESSABLE = ["aaaaaaaaaaaaaaaa", "correct-horse-battery"]


@pytest.mark.parametrize("token", [*WRONG, *GUESSABLE])
def test_an_invalid_token_is_refused_and_not_printed(
    token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_TOKEN", token)
    assert main(["watch", "1"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("lab: LAB_TOKEN: ")
    assert ("easy to guess" if token in GUESSABLE else "16 to 512 characters") in message
    assert not token or token not in message


def test_settings_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "lab_token").write_text(f"{STRONG}\n")
    settings = Settings(_secrets_dir=tmp_path)
    assert settings.token is not None
    assert settings.token.get_secret_value() == STRONG
    assert STRONG not in repr(settings)


def test_a_refused_token_is_not_in_the_traceback() -> None:
    with pytest.raises(ValidationError) as error:
        Settings.model_validate({"token": "a b c d e f g h i j k"})
    assert "a b c" not in str(error.value)


def test_a_token_that_was_written_by_hand_may_end_with_a_newline(tmp_path: Path) -> None:
    (tmp_path / credentials.TOKEN).write_text(f"{STRONG}\n")
    assert credentials.token(tmp_path) == credentials.stored_token(tmp_path) == STRONG


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"secret\n", "accepted: 16"), (b"0123456789" * 4, "easy to guess"), (b"\xff\x00", "16 to")],
)
def test_an_unusable_token_file_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / credentials.TOKEN).write_bytes(content)
    with pytest.raises(InvalidInput, match=f"lab_token: .*{problem}.*Delete the file"):
        credentials.token(tmp_path)
    assert credentials.stored_token(tmp_path) == ""


def test_a_pipe_in_the_place_of_the_token_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / credentials.TOKEN)
    with pytest.raises(InvalidInput, match="lab_token is not a file; move it away"):
        credentials.token(tmp_path)
    assert credentials.stored_token(tmp_path) == ""
