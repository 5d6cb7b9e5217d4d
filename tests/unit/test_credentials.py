"""Secrets made at the first start, and the setting that takes a token."""

import stat
from pathlib import Path

import pytest
from pydantic import ValidationError

from backend.cli import main
from backend.operations import credentials
from backend.settings import TOKEN, Settings


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_each_deployment_has_secrets_of_its_own(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        credentials.make(tmp_path / name)
    one, other = contents(tmp_path / "one"), contents(tmp_path / "other")
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] == other[name]] == []


def test_secrets_belong_together(tmp_path: Path) -> None:
    credentials.make(tmp_path)
    found = contents(tmp_path)
    assert (
        found["lab_database"] == f"postgresql://lab:{found['postgres_password']}@postgres:5432/lab"
    )
    assert found["lab_broker"] == f"redis://:{found['valkey_password']}@valkey:6379/0"
    assert found["valkey.conf"] == f"requirepass {found['valkey_password']}"
    assert TOKEN.fullmatch(found["lab_token"])


def test_starting_again_changes_nothing(tmp_path: Path) -> None:
    credentials.make(tmp_path)
    before = contents(tmp_path)
    (tmp_path / "lab_broker").unlink()  # as after a start that was killed
    (tmp_path / "lab_broker.partial").write_text("redis:")
    credentials.make(tmp_path)
    assert contents(tmp_path) == before


def test_a_new_token_changes_the_token_alone(tmp_path: Path) -> None:
    credentials.make(tmp_path)
    before = contents(tmp_path)
    credentials.renew_token(tmp_path)
    after = contents(tmp_path)
    assert [name for name in before if before[name] != after[name]] == ["lab_token"]


def test_the_token_of_lab_up_is_for_its_owner(tmp_path: Path) -> None:
    token = credentials.token(tmp_path)
    assert credentials.token(tmp_path) == token == credentials.kept_token(tmp_path)
    assert stat.S_IMODE((tmp_path / "lab_token").stat().st_mode) == 0o400


def test_another_machine_is_told_how_to_join(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_SECRETS_DIR", str(tmp_path))
    assert main(["secrets", "--join", "10.0.0.7"]) == 0
    password = (tmp_path / "postgres_password").read_text()
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"LAB_DATABASE=postgresql://lab:{password}@10.0.0.7:5432/lab"
    assert said[1].endswith("@10.0.0.7:6379/0")


def test_secrets_need_a_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LAB_SECRETS_DIR", raising=False)
    assert main(["secrets"]) == 2
    assert "LAB_SECRETS_DIR is not set" in capsys.readouterr().err


@pytest.mark.parametrize("token", ["", "short", "fifteen-letters", "with a space in it", "ä" * 20])
def test_a_token_that_is_no_use_is_refused_and_not_repeated(
    token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_TOKEN", token)
    assert main(["watch", "1"]) == 2
    said = capsys.readouterr().err
    assert "LAB_TOKEN" in said
    assert "16 or more letters" in said
    assert not token or token not in said


def test_settings_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "lab_token").write_text("a-token-from-a-file\n")
    settings = Settings(_secrets_dir=tmp_path)
    assert settings.token is not None
    assert settings.token.get_secret_value() == "a-token-from-a-file"
    assert "a-token" not in repr(settings)


def test_a_refused_token_is_not_in_the_traceback() -> None:
    with pytest.raises(ValidationError) as error:
        Settings.model_validate({"token": "a b c d e f g h i j k"})
    assert "a b c" not in str(error.value)
