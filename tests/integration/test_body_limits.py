"""Limits of request bodies: exactly as large as allowed, and one byte more."""

import json
import threading
from collections.abc import AsyncIterator
from types import ModuleType

import pytest

from backend.main import create_app
from backend.mlflow import app as mlflow_app
from backend.mlflow.prefixes import PREFIXES
from backend.settings import Settings
from backend.web import json_bodies
from tests.api import SPEC, Api

JSON = {"content-type": "application/json"}
TOKEN = "the-token-of-these-tests"  # noqa: S105 - used only here


def app_with(settings: Settings, **limits: object) -> Api:
    return Api(create_app(Settings(**{**settings.model_dump(), **limits})))


def padded(document: object, size: int) -> bytes:
    """Return JSON of exactly `size` bytes."""
    return json.dumps(document).encode().ljust(size)


@pytest.mark.parametrize(("size", "status"), [(2048, 201), (2049, 413)])
def test_a_body_may_be_as_large_as_the_limit(
    sqlite_settings: Settings, size: int, status: int
) -> None:
    api = app_with(sqlite_settings, max_body_bytes=2048)
    answer = api.post("/api/experiments", content=padded(SPEC, size), headers=JSON)
    assert answer.status_code == status
    assert status == 201 or "at most 2,048 bytes" in answer.json()["detail"]


@pytest.mark.parametrize(("size", "status"), [(2048, 201), (2049, 413)])
@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/api/experiments", SPEC),
        ("/api/views", {"name": "best", "query": {"filter": "id = 1"}}),
    ],
)
def test_a_body_in_chunks_is_counted_as_it_arrives(
    sqlite_settings: Settings, path: str, document: object, size: int, status: int
) -> None:
    api = app_with(sqlite_settings, max_body_bytes=2048)
    answer = api.post(path, content=in_chunks(padded(document, size)), headers=JSON)
    assert answer.status_code == status, answer.text


async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 500):
        yield body[at : at + 500]


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/sign-in", 256),
        ("/api/bulk_log", 4096),
        ("/api/bulk_alert", 4096),
        *((f"{prefix}/mlflow/runs/log-batch", 4096) for prefix in PREFIXES),
        *((f"{prefix}/mlflow-artifacts/artifacts/1/model", 8192) for prefix in PREFIXES),
        ("/api/experiments", 1024),
    ],
)
def test_each_class_of_routes_has_its_own_limit(
    sqlite_settings: Settings, path: str, most: int
) -> None:
    limits = {"max_form_bytes": 256, "max_log_bytes": 4096, "max_upload_bytes": 8192}
    api = app_with(sqlite_settings, max_body_bytes=1024, **limits)
    statuses = [api.post(path, content=b" " * size).status_code for size in (most, most + 1)]
    assert statuses[0] != 413
    assert statuses[1] == 413


@pytest.mark.parametrize(
    ("path", "setting"),
    [("/api/bulk_log", "LAB_MAX_LOG_BYTES"), ("/api/experiments", "LAB_MAX_BODY_BYTES")],
)
def test_the_refusal_names_the_limit(sqlite_settings: Settings, path: str, setting: str) -> None:
    api = app_with(sqlite_settings, max_body_bytes=1024, max_log_bytes=1024)
    assert f"at most 1,024 bytes ({setting})" in api.post(path, content=b" " * 1025).text


def test_a_large_body_is_refused_before_the_token_is_checked(sqlite_settings: Settings) -> None:
    api = app_with(sqlite_settings, token=TOKEN, max_body_bytes=1024)
    answer = api.post("/api/experiments", content=b" " * 1025, headers=JSON)
    assert answer.status_code == 413


@pytest.mark.parametrize(("fields", "status"), [(4, 303), (5, 401)])
def test_the_sign_in_form_has_few_fields(
    sqlite_settings: Settings, fields: int, status: int
) -> None:
    api = app_with(sqlite_settings, token=TOKEN)
    body = "&".join([*["a=b"] * (fields - 1), f"token={TOKEN}"])
    assert api.post("/sign-in", content=body.encode()).status_code == status


@pytest.mark.parametrize(("depth", "status"), [(2, 201), (1, 400)])
def test_nesting_is_limited(sqlite_settings: Settings, depth: int, status: int) -> None:
    spec = {"dataset": {"source": "points"}}
    api = app_with(sqlite_settings, max_depth=depth)
    assert api.post("/api/experiments", json=spec).status_code == status
    yaml = b"dataset: {source: points}"
    headers = {"content-type": "application/yaml"}
    assert api.post("/api/experiments", content=yaml, headers=headers).status_code == status


def test_bodies_with_a_model_are_parsed_within_the_same_limits(sqlite_api: Api) -> None:
    deep = b'{"runs": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    answer = sqlite_api.post("/api/runs/delete", content=deep, headers=JSON)
    assert (answer.status_code, answer.json()["error"]) == (400, "malformed")
    assert "nested too deeply" in answer.json()["detail"]


@pytest.mark.parametrize(("size", "status"), [(256, 201), (257, 413)])
def test_yaml_has_a_limit_of_its_own(sqlite_settings: Settings, size: int, status: int) -> None:
    api = app_with(sqlite_settings, max_yaml_bytes=256)
    body = b"dataset: {source: points}".ljust(size)
    answer = api.post(
        "/api/experiments", content=body, headers={"content-type": "application/yaml"}
    )
    assert answer.status_code == status
    assert status == 201 or "at most 256 bytes" in answer.json()["detail"]


@pytest.mark.parametrize(("extra", "in_event_loop"), [(0, True), (1, False)])
@pytest.mark.parametrize(
    ("path", "module", "parser", "document"),
    [
        ("/api/views", json_bodies, "parse_json", {"name": "best", "query": {}}),
        ("/api/2.0/mlflow/experiments/search", mlflow_app, "read_body", {"max_results": 1}),
    ],
)
def test_only_small_json_is_parsed_in_the_event_loop(
    sqlite_api: Api, monkeypatch: pytest.MonkeyPatch, path: str, module: ModuleType, parser: str,
    document: object, extra: int, in_event_loop: bool,
) -> None:  # fmt: skip
    threads, parse = [], getattr(module, parser)

    def note(*arguments: object) -> object:
        threads.append(threading.current_thread() is threading.main_thread())
        return parse(*arguments)

    monkeypatch.setattr(module, parser, note)
    body = padded(document, json_bodies.SMALL_BYTES + extra)
    assert sqlite_api.post(path, content=body, headers=JSON).status_code < 300
    assert threads == [in_event_loop]
