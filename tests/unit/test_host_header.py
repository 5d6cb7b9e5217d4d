"""Host headers: what names a host, and what only looks like one."""

import pytest

from backend.web.host_header import host_name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost", "localhost"),
        ("LOCALHOST:8151", "localhost"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:8000", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("lab.example:65535", "lab.example"),
    ],
)
def test_the_name_of_a_host(header: str, name: str) -> None:
    assert host_name(header) == name


@pytest.mark.parametrize(
    "header",
    [
        "localhost:8151@evil", "[::1]evil", "localhost:evil", "localhost:", "localhost:65536",
        "localhost:80:80", "localhost/evil", "evil@localhost", "[localhost]", "[::1", "::1", "",
        " localhost", "localhost\u0660", "localhost:\u0668", "local\u017fhost", "[::1%eth0]",
    ],
)  # fmt: skip
def test_anything_else_names_no_host(header: str) -> None:
    assert host_name(header) is None
