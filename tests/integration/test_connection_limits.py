"""Limits of connections and request heads: just allowed, and just refused."""

import json
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import uvicorn

from backend.main import create_app
from backend.settings import Settings
from backend.supervisor.web import create_socket, server_config
from backend.web.connections import client_of, most_connections, most_per_client
from tests.product import free_port, wait_for

HOST = b"Host: localhost\r\n"
SHORT = {"head_seconds": 0.3, "body_seconds": 0.3, "idle_seconds": 0.3}
SWEPT_WITHIN_SECONDS = 5


@contextmanager
def serving(settings: Settings, **limits: object) -> Iterator[int]:
    """Serve with limits as the product does, and yield the port."""
    limited = Settings(**{**settings.model_dump(), "port": free_port(), **limits})
    config = server_config(create_app(limited), limited)
    listener = create_socket(config)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.settimeout(SWEPT_WITHIN_SECONDS)
    return connection


def exchange(port: int, *parts: bytes) -> tuple[int, str]:
    """Send parts of a request; return the status, and the error's sentence if there is one."""
    with connect(port) as connection:
        for part in parts:
            connection.sendall(part)
        return answer(connection)


def answer(connection: socket.socket) -> tuple[int, str]:
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
            head, _, body = received.partition(b"\r\n\r\n")
            if body and b"chunked" not in head:
                break
    except ConnectionResetError:
        pass  # the server closed it while there was more to read
    head, _, body = received.partition(b"\r\n\r\n")
    is_error = b"application/json" in head and b'"detail"' in body
    return int(head.split()[1]) if head else 0, json.loads(body)["detail"] if is_error else ""


def closes(connection: socket.socket) -> bool:
    """Return whether the server closes the connection without another byte."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.fixture
def port(sqlite_settings: Settings) -> Iterator[int]:
    limits = {"max_url_bytes": 1000, "max_head_bytes": 4096, "max_headers": 20}
    with serving(sqlite_settings, **limits) as port:
        yield port


@pytest.mark.parametrize(("length", "status"), [(1000, 404), (1001, 414)])
def test_the_url_is_limited(port: int, length: int, status: int) -> None:
    url = b"/".ljust(length, b"a")
    assert exchange(port, b"GET " + url + b" HTTP/1.1\r\n" + HOST + b"\r\n")[0] == status


@pytest.mark.parametrize(("count", "status"), [(20, 200), (21, 431)])
def test_the_number_of_headers_is_limited(port: int, count: int, status: int) -> None:
    headers = HOST + b"A: b\r\n" * (count - 1)
    assert exchange(port, b"GET /healthz HTTP/1.1\r\n" + headers + b"\r\n")[0] == status


@pytest.mark.parametrize(("size", "status"), [(4096, 200), (4097, 431)])
def test_the_bytes_of_a_head_are_limited(port: int, size: int, status: int) -> None:
    counted = len(b"/healthzHostlocalhostA")
    headers = HOST + b"A: " + b"b" * (size - counted) + b"\r\n"
    got, detail = exchange(port, b"GET /healthz HTTP/1.1\r\n" + headers + b"\r\n")
    assert got == status
    assert status == 200 or "at most 4,096 bytes" in detail


@pytest.mark.parametrize(
    ("begin", "filling"),
    [
        (b"GET /", b"a"),
        (b"GET / HTTP/1.1\r\nA: ", b"a"),
        (b"GET / HTTP/1.1\r\n", b"A:b\r\n"),
        (b"", b"\r\n"),
    ],
)
def test_a_head_without_an_end_is_not_stored(port: int, begin: bytes, filling: bytes) -> None:
    with connect(port) as connection, pytest.raises(OSError):
        connection.sendall(begin)
        for _ in range(10_000):
            connection.sendall(filling * 1000)


def test_what_follows_a_chunk_is_limited_too(port: int) -> None:
    head = b"POST /sign-in HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    with connect(port) as connection, pytest.raises(OSError):
        connection.sendall(head + b"1\r\na\r\n0\r\nTrailer: ")
        for _ in range(10_000):
            connection.sendall(b"a" * 1000)


def test_trailers_do_not_become_headers(port: int) -> None:
    head = b"POST /api/experiments HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    status, detail = exchange(port, head + b"0\r\nContent-Type: application/json\r\n\r\n")
    assert (status, "missing" in detail) == (415, True)


@pytest.mark.parametrize("begin", [b"", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: loc"])
def test_a_head_has_a_deadline(sqlite_settings: Settings, begin: bytes) -> None:
    with serving(sqlite_settings, **SHORT) as port, connect(port) as connection:
        connection.sendall(begin)
        if begin:
            assert answer(connection) == (408, "The request did not arrive in time.")
        assert closes(connection)


def test_a_body_has_a_deadline(sqlite_settings: Settings) -> None:
    head = b"POST /api/experiments HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    with serving(sqlite_settings, **SHORT) as port:
        assert exchange(port, head + b"Content-Length: 100\r\n\r\n{")[0] == 408


def test_a_body_that_keeps_the_minimum_rate_is_read(sqlite_settings: Settings) -> None:
    head = b"POST /api/experiments HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    body = json.dumps({"dataset": {"source": "points"}}).encode().ljust(40_000)
    with serving(sqlite_settings, min_body_rate=10_000, **SHORT) as port, connect(port) as slow:
        slow.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body))
        for at in range(0, len(body), 4000):  # 2.0 s, more than twice the deadline without bytes
            slow.sendall(body[at : at + 4000])
            time.sleep(0.2)
        assert answer(slow)[0] == 201


def test_an_idle_connection_is_closed(sqlite_settings: Settings) -> None:
    with serving(sqlite_settings, **SHORT) as port, connect(port) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
        assert answer(connection)[0] == 200
        connection.sendall(b"\r\n")  # no request: it does not move the deadline
        assert closes(connection)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_connections": 3, "max_connections_per_client": 3}, "LAB_MAX_CONNECTIONS allows"),
        ({"max_connections": 9, "max_connections_per_client": 3}, "127.0.0.1 has 3 connections"),
    ],
)
def test_connections_are_limited_and_can_be_used_again(
    sqlite_settings: Settings, limits: dict[str, int], words: str
) -> None:
    request = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    with serving(sqlite_settings, **limits) as port:
        with ExitStack() as stack:
            held = [stack.enter_context(connect(port)) for _ in range(3)]
            for connection in held:
                connection.sendall(request)
                assert answer(connection)[0] == 200
            status, detail = exchange(port)
            assert (status, words in detail) == (503, True)
        wait_for(lambda: exchange(port, request)[0] == 200)


def test_many_pipelined_requests_are_refused(port: int) -> None:
    request = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    with connect(port) as connection:
        connection.sendall(request * 1000)
        wait_for(lambda: closes(connection))


@pytest.mark.parametrize(
    ("descriptors", "wanted", "most"),
    [
        (20_000, None, 4096),
        (1024, None, 768),
        (1024, 5000, 768),
        (20_000, 9000, 9000),
        (resource.RLIM_INFINITY, None, 4096),
    ],
)
def test_the_connections_leave_descriptors(descriptors: int, wanted: int | None, most: int) -> None:
    assert most_connections(descriptors, wanted) == most


def test_a_client_has_a_quarter_of_the_connections() -> None:
    assert (most_per_client(4096, None), most_per_client(100, 30)) == (1024, 30)


def test_a_network_of_ipv6_is_one_client() -> None:
    assert client_of("2001:db8::1") == client_of("2001:db8::ffff:1") != client_of("2001:db8:0:1::1")
    assert client_of("::ffff:192.0.2.1") != client_of("::ffff:192.0.2.2")


def test_work_ends_when_the_client_leaves(sqlite_settings: Settings) -> None:
    grid = {"dataset": {"source": "moons", "n_train": list(range(1, 1001))}, "model": {"width": 2}}
    body = json.dumps({**grid, "training": {"epochs": list(range(1, 11))}}).encode()
    head = b"POST /api/experiments HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    with serving(sqlite_settings) as port:
        with connect(port) as connection:
            connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        metrics = b"GET /metrics HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
        wait_for(lambda: b'status="499"' in whole_answer(port, metrics))


def whole_answer(port: int, request: bytes) -> bytes:
    with connect(port) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))
