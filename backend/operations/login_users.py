"""Other users who can log in to this machine, and could connect to a service on 127.0.0.1."""

import os
import pwd
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

FIRST_UID = 500 if sys.platform == "darwin" else 1000  # lower ids belong to system services
NOBODY = 65534
NO_LOGIN = ("nologin", "false", "sync", "")  # programs in the place of a shell
CONTAINER_FILES = (Path("/.dockerenv"), Path("/run/.containerenv"))
# set by systemd-nspawn and podman, by Kubernetes, and by every common CI service
CONTAINER_VARIABLES = ("container", "KUBERNETES_SERVICE_HOST", "CI")


def is_shared_machine() -> bool:
    """Return whether a person other than this user may be at work on this machine.

    Users that an image or a CI service brings along are no such persons.
    """
    return not is_container(os.environ) and bool(other_login_users(pwd.getpwall(), os.geteuid()))


def is_container(environment: Mapping[str, str]) -> bool:
    """Return whether this process runs in a container or in CI."""
    return any(map(environment.get, CONTAINER_VARIABLES)) or any(
        path.exists() for path in CONTAINER_FILES
    )


def other_login_users(users: Iterable[pwd.struct_passwd], uid: int) -> list[str]:
    """Return the names of the users with a shell, without system users and the user `uid`."""
    return [
        user.pw_name
        for user in users
        if user.pw_uid >= FIRST_UID
        and user.pw_uid not in (uid, NOBODY)
        and user.pw_shell.rpartition("/")[2] not in NO_LOGIN
    ]
