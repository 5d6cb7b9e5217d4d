"""docker-compose.yml as it is, started under a project name, port and volumes of its own."""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import httpx

from tests.product import ROOT, free_port, wait_for

LINK = re.compile(r"Overfit Lab is at (http\S+)/\?token=(\S+)")
SERVICES = {"postgres", "valkey", "web", "worker"}  # which go on running
BUILD_SECONDS = 1500


def missing() -> str:
    """Return why no containers can be started here, nothing if they can."""
    for command in (["docker", "compose", "version"], ["docker", "info"]):
        try:
            subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
        except FileNotFoundError:
            return "no Docker engine: there is no `docker` command"
        except subprocess.CalledProcessError as error:
            return f"no Docker engine: `{' '.join(command)}` says: {error.stderr.strip()}"
    return ""


@dataclass
class Stack:
    """One deployment, of which only what a person could set in the environment is set."""

    project: str = field(default_factory=lambda: f"overfit-lab-test-{os.getpid()}")
    port: int = field(default_factory=free_port)

    def compose(self, *words: str, seconds: float = 300) -> str:
        """Run `docker compose` to its end and return what it printed."""
        # where PyTorch's own index is out of reach, a person has to say so as well
        kept = {k: v for k, v in os.environ.items() if k[:4] != "LAB_" or k == "LAB_TORCH_INDEX"}
        command = ["docker", "compose", "--project-name", self.project, *words]
        return run(command, kept | {"LAB_PORT": str(self.port)}, seconds)

    def up(self) -> None:
        """Start it, and wait until all of it is healthy."""
        self.compose("up", "--detach")
        wait_for(lambda: all(map(healthy, self.containers(*SERVICES))), self.said)

    def said(self) -> str:
        return self.compose("logs", "--tail", "30")

    def containers(self, *services: str) -> list[Any]:
        """Return what the engine knows of the containers of services, or of all, ended ones too."""
        ids = self.compose("ps", "--all", "--quiet", *services).split()
        found: list[Any] = json.loads(run(["docker", "inspect", *ids]))
        return found

    def kill(self, service: str) -> datetime:
        """End the main process of a service from outside; return when, once it is healthy again.

        After `docker kill` the engine would not start it again. A container that sees all processes
        does it, so that neither root nor the engine's machine is needed.
        """
        (victim,) = self.containers(service)
        words = ["--pid", "host", "--user", "0", "--network", "none", "--entrypoint", "sh"]
        strike = f"kill -9 {victim['State']['Pid']}"
        run(["docker", "run", "--rm", *words, "overfit-lab-web", "-c", strike])
        struck = datetime.now(UTC)

        def back() -> bool:
            (now,) = self.containers(service)
            return now["RestartCount"] > victim["RestartCount"] and healthy(now)

        wait_for(back, self.said)
        return struck

    def link(self) -> tuple[str, str]:
        """Return the address and the token that the web service printed last."""
        address, token = LINK.findall(self.compose("logs", "web"))[-1]
        return address, token

    @cached_property
    def http(self) -> httpx.Client:
        """The REST interface, as a program with the token calls it."""
        address, token = self.link()
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=address, headers=headers, timeout=30)

    def get(self, path: str) -> Any:
        return self.http.get(path).raise_for_status().json()


@contextmanager
def started() -> Iterator[Stack]:
    """Build the images, start a stack, and remove it with its volumes, whatever happens."""
    stack = Stack()
    stack.compose("build", seconds=BUILD_SECONDS)
    try:
        stack.up()
        with stack.http:
            yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "5")


def healthy(container: Any) -> bool:
    """Whether a container runs and says that it works."""
    state = container["State"]
    return bool(state["Running"] and state["Health"]["Status"] == "healthy")


def run(
    command: Sequence[str], environment: dict[str, str] | None = None, seconds: float = 60
) -> str:
    """Run a command to its end. Raises AssertionError with what it said when it fails."""
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout
