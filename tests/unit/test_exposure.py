"""The decision whether the service may start without a token."""

import socket
from typing import Any

import pytest

from backend.access.exposure import is_loopback, public_names, refuse_open_service
from backend.errors import InvalidInput
from backend.settings import Settings

TOKEN = "Zk3vQ9xw7Lr2Tn8Yb5Hs1Dm6"  # noqa: S105 - used only here

LOOPBACK: list[dict[str, Any]] = [
    {},
    {"host": "localhost"},
    {"host": "127.0.0.1"},
    {"host": "127.0.0.2"},
    {"host": "127.1"},  # the operating system reads it as 127.0.0.1
    {"host": "::1"},
    {"host": "::ffff:127.0.0.1"},
    {"url": "http://127.0.0.1:9000"},
    {"url": "http://[::1]:9000/lab"},
    {"url": "http://LOCALHOST"},
    {"allowed_hosts": ["localhost", "[::1]", "127.0.0.1"]},
]
PUBLIC: list[dict[str, Any]] = [
    {"host": "0.0.0.0"},  # noqa: S104 - must be refused
    {"host": "0"},
    {"host": ""},
    {"host": "::"},
    {"host": "::ffff:0.0.0.0"},
    {"host": "::ffff:192.0.2.1"},
    {"host": "192.0.2.1"},
    {"host": "10.0.0.7"},
    {"host": "fe80::1%lo"},
    {"host": "2001:db8::1"},
    {"host": "no-such-host.invalid"},
    {"host": "/run/lab.sock"},
    {"host": "localhost.evil.invalid"},
    {"url": "https://lab.example"},
    {"url": "http://127.0.0.1.evil.example"},
    {"url": "http://localhost@lab.example"},
    {"url": "http://[::1"},
    {"url": "lab.example"},
    {"allowed_hosts": ["localhost", "lab.example"]},
    {"allowed_hosts": ["10.0.0.7"]},
]


@pytest.mark.parametrize("settings", LOOPBACK, ids=str)
def test_a_service_on_loopback_starts_without_a_token(settings: dict[str, Any]) -> None:
    refuse_open_service(Settings(**settings))


@pytest.mark.parametrize("settings", PUBLIC, ids=str)
def test_a_service_beyond_loopback_does_not_start_without_a_token(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        refuse_open_service(Settings(**settings))
    assert "set LAB_TOKEN" in refused.value.detail
    assert f"LAB_{next(iter(settings)).upper()}" in refused.value.detail


@pytest.mark.parametrize("settings", PUBLIC, ids=str)
def test_a_service_beyond_loopback_starts_with_a_token(settings: dict[str, Any]) -> None:
    refuse_open_service(Settings(**settings, token=TOKEN))


def test_a_name_counts_by_all_addresses_it_resolves_to(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = socket.AF_INET, socket.SOCK_STREAM, 6, ""
    answers = [(*stream, ("127.0.0.1", 0)), (*stream, ("192.0.2.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    assert list(public_names(Settings(host="two-faced"))) == ["LAB_HOST is two-faced"]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers[:1])
    assert list(public_names(Settings(host="two-faced"))) == []


@pytest.mark.parametrize("host", ["", "/run/lab.sock", "localhost.example", "127.0.0.1.example"])
def test_what_is_not_an_address_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)
