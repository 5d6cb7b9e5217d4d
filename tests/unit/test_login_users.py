"""The users who could connect to a service on this machine."""

import pwd

import pytest

from backend.operations import login_users
from backend.operations.login_users import is_container, other_login_users


def user(name: str, uid: int, shell: str = "/bin/bash") -> pwd.struct_passwd:
    return pwd.struct_passwd((name, "x", uid, uid, "", f"/home/{name}", shell))


def test_other_people_with_a_shell_are_login_users() -> None:
    users = [user("me", 1000), user("ada", 1001), user("bob", 70_000, "/usr/bin/zsh")]
    assert other_login_users(users, 1000) == ["ada", "bob"]
    assert other_login_users(users, 0) == ["me", "ada", "bob"]


@pytest.mark.parametrize(
    "other",
    [
        user("root", 0),
        user("postgres", 105),
        user("service", 1001, "/usr/sbin/nologin"),
        user("service", 1001, "/bin/false"),
        user("nobody", 65534, "/bin/sh"),
    ],
)
def test_system_users_are_not(other: pwd.struct_passwd) -> None:
    assert other_login_users([user("me", 1000), other], 1000) == []


@pytest.mark.parametrize("name", ["CI", "container", "KUBERNETES_SERVICE_HOST"])
def test_the_users_of_an_image_are_no_people(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_users, "CONTAINER_FILES", ())
    monkeypatch.setattr("pwd.getpwall", lambda: [user("ada", 70_001)])
    for variable in login_users.CONTAINER_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    assert login_users.is_shared_machine()
    monkeypatch.setenv(name, "true")
    assert is_container({name: "true"}) and not login_users.is_shared_machine()
