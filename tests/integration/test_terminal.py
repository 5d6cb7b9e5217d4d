"""No command prints control or bidirectional characters of names, files and responses."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from backend.cli import main
from backend.cli.arguments import COMMANDS
from tests.terminal import unsafe

NAME = "a\x1b]0;owned\x07\x1b[2J\u202e\u2028\x9bb"
COUNTS = {"queued": 0, "running": 0, "finished": 1, "failed": 1, "cancelled": 0}
RUN = {
    "params": {"dataset.n_train": NAME, "model.layers": NAME}, "variant": NAME, "parameters": 1,
    "best_epoch": 1, "verdict": NAME, "status": NAME, "summary": {},
}  # fmt: skip
EFFECT = {
    "name": NAME, "means": {}, "differences": {}, "epochs": 1, "parameters": 1, "cost": 1,
    "test_loss": 1,
}  # fmt: skip
VARIANTS = [{"name": NAME, "about": NAME}, {"name": NAME}]
SUBMITTED = {
    "id": 1, "name": NAME, "runs": 2, "url": NAME, "variants": [NAME], "parameters": [1],
    "estimated_seconds": 1, "spec": {"variants": VARIANTS}, "counts": COUNTS,
}  # fmt: skip
COMPARISON = {"baseline": EFFECT, "variants": [EFFECT], "sentence": NAME, "at": "best"}
OFFLINE = [
    ["diagnose", f"{NAME}.csv"], ["diagnose", f"missing{NAME}"], ["backup", NAME],
    ["restore", NAME], ["doctor", "--data-dir", NAME], ["migrate", "--data-dir", f"{NAME}/x"],
    ["submit", NAME], ["secrets"], ["up", "--port", NAME], ["serve", "--port", NAME],
    ["token", "create", NAME], ["import", NAME], ["dataset", "add", NAME], ["sweep", NAME],
    ["agent", "--jobs", NAME, "--", "python"], ["rename", "1", NAME, "--server", "http://127.0.0.1:1"],
]  # fmt: skip
ONLINE = [
    ["submit", "spec.yaml"], ["submit", "spec.yaml", "--dry-run"], ["watch", "1"], ["retry", "1"],
    ["remedies", "1", "--dry-run"], ["remedies", "1", "--wait"], ["export", "1", "--out", NAME],
    ["watch", "2"], ["import", f"{NAME}.csv"], ["import", f"{NAME}.csv", "--dry-run"],
]  # fmt: skip


class HostileServer(BaseHTTPRequestHandler):
    """Answers every request with hostile names; experiment 2 with an error."""

    def do_GET(self) -> None:
        body: object = SUBMITTED
        path = self.path.partition("?")[0]
        if path.endswith("/runs"):
            body = {"items": [RUN, {**RUN, "variant": f"{NAME}2"}], "next_cursor": None}
        elif path.endswith("/comparison"):
            body = COMPARISON
        elif path.endswith("/imports"):
            body = {"runs": [{"id": 1, "name": NAME, "verdict": NAME, "notes": [NAME]}]}
        error = self.path.startswith("/api/experiments/2")
        self.send_response(404 if error else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"detail": NAME} if error else body).encode())

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Print nothing: the test reads the output of the commands."""


@pytest.fixture(scope="module")
def hostile_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), HostileServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_DATA_DIR", str(tmp_path / "data"))
    Path("spec.yaml").write_text("{}")
    rows = "\n".join(f"{epoch},{1 / epoch},{1 / epoch + epoch / 50}" for epoch in range(1, 40))
    Path(f"{NAME}.csv").write_text(f"epoch,loss{NAME.replace(chr(0x2028), '')},val_loss\n{rows}")


@pytest.mark.parametrize("command", OFFLINE, ids=lambda command: command[0])
def test_names_of_files_are_printed_safely(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(command)
    output = "".join(capsys.readouterr())
    assert output
    assert unsafe(output.replace("\n", "")) == []


@pytest.mark.parametrize("command", ONLINE, ids=" ".join)
def test_names_of_a_server_are_printed_safely(
    command: list[str], hostile_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*command, "--server", hostile_server])
    output = "".join(capsys.readouterr())
    assert "owned" in output or command[0] == "retry" or "--dry-run" in command
    assert unsafe(output.replace("\n", "")) == []


def test_every_command_is_covered() -> None:
    assert {command[0] for command in OFFLINE + ONLINE} == set(COMMANDS)
