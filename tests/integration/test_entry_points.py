"""Every way to start the web process, with every kind of address: never open to other machines."""

import ast
import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import uvicorn
import yaml

from backend.access.exposure import WAYS_OUT
from backend.cli import main
from backend.errors import InvalidInput
from backend.main import create_app
from backend.settings import Settings
from backend.supervisor import programs, web
from backend.supervisor.run import with_required_token

ROOT = Path(__file__).parents[2]
TOKEN = "Zk3vQ9xw7Lr2Tn8Yb5Hs1Dm6"  # noqa: S105 - used only here
PUBLIC = [
    {"LAB_HOST": "0.0.0.0"},  # noqa: S104 - must be refused
    {"LAB_HOST": "::"},
    {"LAB_HOST": ""},
    {"LAB_HOST": "192.0.2.1"},
    {"LAB_HOST": "::ffff:192.0.2.1"},
    {"LAB_HOST": "no-such-host.invalid"},
    {"LAB_HOST": "/run/lab.sock"},
    {"LAB_URL": "https://lab.example"},
    {"LAB_ALLOWED_HOSTS": '["lab.example"]'},
]
LOOPBACK = [{}, {"LAB_HOST": "localhost"}, {"LAB_HOST": "127.1"}, {"LAB_HOST": "::1"}]


def image_command() -> list[str]:
    """Return the arguments of `lab` in the CMD of the image of the web service."""
    stage = (ROOT / "Dockerfile").read_text().split("AS web\n")[1].split("\nFROM")[0]
    command = ast.literal_eval(re.findall(r"^CMD (\[.*\])", stage, re.MULTILINE)[-1])
    assert command[:3] == ["python", "-m", "backend.cli"]
    return list(command[3:])


def by_cli(*arguments: str) -> Callable[[pytest.CaptureFixture[str]], str]:
    """Run a command; return its error message."""

    def start(capsys: pytest.CaptureFixture[str]) -> str:
        code = main(list(arguments))
        printed = capsys.readouterr()
        assert code == (2 if printed.err else 0)
        assert not printed.err or "Overfit Lab is at" not in printed.out
        return printed.err

    return start


def by_supervised_process(_: pytest.CaptureFixture[str]) -> str:
    try:
        web.main()
    except SystemExit as refused:
        return str(refused.code)
    return ""


def by_uvicorn(_: pytest.CaptureFixture[str]) -> str:
    try:
        uvicorn.Config("backend.main:create_app", factory=True).load()
    except InvalidInput as refused:
        return refused.detail
    return ""


DOORS = {
    "lab serve": by_cli("serve"),
    "the web process of lab up": by_supervised_process,
    "uvicorn": by_uvicorn,
}


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch, sqlite_settings: Settings) -> list[bool]:
    """The servers that were started; none of them listens."""
    servers: list[bool] = []
    monkeypatch.setattr(web, "serve", lambda *_: servers.append(True))
    monkeypatch.setenv("LAB_DATABASE", sqlite_settings.database_url)
    monkeypatch.setenv("LAB_BROKER", sqlite_settings.broker_url)
    monkeypatch.setenv("LAB_DATA_DIR", str(sqlite_settings.data_dir))
    return servers


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("variables", PUBLIC, ids=str)
def test_no_door_opens_beyond_loopback_without_a_token(
    door: str,
    variables: dict[str, str],
    started: list[bool],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_all(monkeypatch, variables)
    message = DOORS[door](capsys)
    assert WAYS_OUT in message
    assert message.strip().count("\n") == 0  # one sentence
    assert started == []


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("variables", PUBLIC, ids=str)
def test_every_door_opens_with_a_token(
    door: str,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_all(monkeypatch, {**variables, "LAB_TOKEN": TOKEN})
    assert DOORS[door](capsys) == ""


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("variables", LOOPBACK, ids=str)
def test_every_door_opens_on_loopback(
    door: str,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_all(monkeypatch, variables)
    assert DOORS[door](capsys) == ""


def test_the_image_does_not_start_without_a_token(
    started: list[bool], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "LAB_HOST is 0.0.0.0" in by_cli(*image_command())(capsys)
    assert started == []
    monkeypatch.setenv("LAB_TOKEN", TOKEN)
    assert by_cli(*image_command())(capsys) == ""
    assert started == [True]


def test_compose_gives_the_web_service_the_generated_token() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    service, secrets = compose["services"]["web"], compose["services"]["secrets"]
    assert "command" not in service  # it runs the image's
    folder = service["environment"]["LAB_SECRETS_DIR"]
    assert f"secrets:{folder}:ro" in service["volumes"]
    assert f"secrets:{folder}" in secrets["volumes"]
    assert secrets["command"].endswith("backend.cli secrets")
    assert "migrate" in service["depends_on"]  # which waits for the secrets


@pytest.mark.parametrize("variables", PUBLIC, ids=str)
def test_lab_up_creates_a_token_beyond_loopback(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, {**variables, "LAB_LOCAL_ACCESS": "open"})
    settings = with_required_token(Settings())
    assert settings.token is not None
    stored = (settings.data_dir / "lab_token").read_text()
    assert settings.token.get_secret_value() == stored
    assert programs.environment(settings, "")["LAB_TOKEN"] == stored


@pytest.mark.parametrize("variables", LOOPBACK, ids=str)
def test_lab_up_creates_no_token_on_loopback(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, {**variables, "LAB_LOCAL_ACCESS": "open"})
    assert with_required_token(Settings()).token is None


def request_from(app: object, server: str, client: str | None) -> httpx.Response:
    """Send a request that names localhost, over a connection between two addresses."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(client, 1))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=server) as http:
            return await http.get("/api/experiments", headers={"host": "localhost"})

    return asyncio.run(send())


REMOTE = [
    ("http://192.0.2.1", "192.0.2.7"),
    ("http://192.0.2.1", "127.0.0.1"),
    ("http://127.0.0.1", "192.0.2.7"),  # X-Forwarded-For of a proxy on this machine
    ("http://[2001:db8::1]", "2001:db8::2"),
    ("http://lab.example", "127.0.0.1"),
]


@pytest.mark.parametrize(("server", "client"), REMOTE)
def test_a_server_that_listens_anyway_refuses_other_machines(
    sqlite_settings: Settings, server: str, client: str
) -> None:
    answer = request_from(create_app(sqlite_settings), server, client)
    assert answer.status_code == 403
    assert WAYS_OUT in answer.json()["detail"]


@pytest.mark.parametrize(
    ("server", "client"), [("http://127.0.0.1", "127.0.0.1"), ("http://[::1]", "::ffff:127.0.0.1")]
)
def test_it_serves_this_machine(sqlite_settings: Settings, server: str, client: str) -> None:
    assert request_from(create_app(sqlite_settings), server, client).status_code == 200


def test_a_unix_socket_counts_as_another_machine(sqlite_settings: Settings) -> None:
    sent: list[dict[str, object]] = []
    scope = {
        "type": "http", "method": "GET", "path": "/api/experiments", "query_string": b"",
        "headers": [(b"host", b"localhost")], "server": ("/run/lab.sock", None), "client": None,
        "scheme": "http",
    }  # fmt: skip

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    asyncio.run(create_app(sqlite_settings)(scope, None, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 403
