"""`lab token`, directly on the database."""

import json
from pathlib import Path

import pytest

from backend.access import named_tokens
from backend.cli import main
from backend.diagnosis.verdicts import Verdict
from backend.operations import credentials
from backend.settings import Settings
from backend.store import Database, audit, backup, restore, tokens
from backend.store.schema import migrate
from tests.api import SPEC, Api
from tests.tokens import OPERATOR, bearer, new_token, sign_in


@pytest.fixture(autouse=True)
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line uses the database of the test, on SQLite and on PostgreSQL."""
    monkeypatch.setenv("LAB_DATABASE", settings.database_url)
    monkeypatch.setenv("LAB_DATA_DIR", str(settings.data_dir))


def test_the_secret_alone_is_printed_to_standard_output(
    protected: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["token", "create", "laptop", "--scope", "log", "--expires", "30d"]) == 0
    printed = capsys.readouterr()
    secret = printed.out.strip()
    assert secret.startswith("lab_")
    assert "Token laptop with the scope log" in printed.err
    assert protected.get("/api/experiments", headers=bearer(secret)).status_code == 200
    assert protected.post("/api/experiments", json={}, headers=bearer(secret)).status_code == 403


def test_tokens_are_listed_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "list"]) == 0
    assert capsys.readouterr().out == "There are no tokens.\n"
    main(["token", "create", "laptop"])
    assert main(["token", "revoke", "laptop"]) == 0
    assert "within 5 seconds" in capsys.readouterr().out
    main(["token", "list", "--format", "json"])
    [item] = json.loads(capsys.readouterr().out)
    assert (item["name"], item["scope"], item["state"]) == ("laptop", "read", "revoked")
    main(["token", "list"])
    assert capsys.readouterr().out.startswith("laptop                   read    revoked 20")


def test_the_commands_are_in_the_audit_log(protected: Api) -> None:
    main(["token", "create", "laptop"])
    main(["token", "revoke", "laptop"])
    items = protected.get("/api/audit", headers=bearer(OPERATOR)).json()["items"]
    assert [(item["method"], item["route"], item["targets"]) for item in items] == [
        ("lab", "lab token revoke", {"token": [1]}),
        ("lab", "lab token create", {"token": [1]}),
    ]
    assert items[0]["client"].startswith("user ")


@pytest.mark.parametrize("is_stored", [False, True])
def test_a_token_is_not_said_to_be_needless(
    settings: Settings, capsys: pytest.CaptureFixture[str], is_stored: bool
) -> None:
    if is_stored:  # as `lab up --token` does
        credentials.token(settings.data_dir)
    main(["token", "create", "laptop"])
    advice = "The service requires a token if LAB_TOKEN is set"
    assert (advice in capsys.readouterr().err) is not is_stored


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "a/b"], "name (a/b) is not a name for a token"),
        (["create", "Operator"], "but not operator"),
        (["create", "a  b"], "single spaces"),
        (["create", "x", "--scope", "root"], "scope (root) is not a scope; accepted: read, log,"),
        (["create", "x", "--expires", "soon"], "expires (soon) is not a lifetime"),
        (["revoke", "nobody"], "There is no token named nobody."),
    ],
)
def test_mistakes_are_explained(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["token", *arguments]) == 2
    assert message in capsys.readouterr().err


def secrets_in(api: Api) -> list[str]:
    """Create a token and a browser session; return their secrets and digests."""
    secret = new_token(api, "laptop")
    cookie = sign_in(api, secret)["cookie"].partition("=")[2]
    with api.database.read() as session:
        return [secret, cookie, tokens.named(session, "laptop").digest]


def test_a_backup_holds_no_tokens_or_sessions(protected: Api, tmp_path: Path) -> None:
    words = secrets_in(protected)
    backup.write(protected.database, tmp_path / "backup.db")
    content = (tmp_path / "backup.db").read_bytes()
    assert not any(word.encode() in content for word in words)


def test_restoring_keeps_the_tokens_of_the_new_lab(protected: Api, tmp_path: Path) -> None:
    new_token(protected, "old")
    protected.post("/api/experiments", json=SPEC, headers=bearer(OPERATOR))
    backup.write(protected.database, tmp_path / "backup.db")
    new_lab = Database(f"sqlite:///{tmp_path}/new.db")
    migrate(new_lab)
    with new_lab.write() as session:
        named_tokens.create(session, name="new")
    restore.read(tmp_path / "backup.db", new_lab, verdicts=list(Verdict))
    with new_lab.read() as session:
        assert [token.name for token in tokens.listed(session)] == ["new"]
        assert [entry.token for entry in audit.page(session, before=None, limit=9)[0]] == [
            "operator"
        ]
    new_lab.dispose()
