"""The unchanged docker-compose.yml, started with its own project name, port and volumes."""

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
SERVICES = {"postgres", "valkey", "web", "worker"}  # all that do not end after the start
BUILD_SECONDS = 1500


def why_unavailable() -> str:
    """Return the reason why containers cannot be started here, or "" if they can."""
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
    """A deployment configured only through environment variables, as users can do."""

    project: str = field(default_factory=lambda: f"overfit-lab-test-{os.getpid()}")
    port: int = field(default_factory=free_port)

    def compose(self, *words: str, seconds: float = 300) -> str:
        """Run `docker compose`, wait until it exits, and return its output."""
        # LAB_TORCH_INDEX is passed on: users need it too where PyTorch's index is unreachable
        environment = {
            k: v for k, v in os.environ.items() if k[:4] != "LAB_" or k == "LAB_TORCH_INDEX"
        }
        command = ["docker", "compose", "--project-name", self.project, *words]
        return run(command, environment | {"LAB_PORT": str(self.port)}, seconds)

    def up(self) -> None:
        """Start all services, and wait until they are healthy."""
        self.compose("up", "--detach")
        wait_for(lambda: all(map(is_healthy, self.containers(*SERVICES))), self.recent_logs)

    def recent_logs(self) -> str:
        return self.compose("logs", "--tail", "30")

    def containers(self, *services: str) -> list[Any]:
        """Return `docker inspect` of the containers of services, or of all; ended ones included."""
        ids = self.compose("ps", "--all", "--quiet", *services).split()
        containers: list[Any] = json.loads(run(["docker", "inspect", *ids]))
        return containers

    def kill(self, service: str) -> datetime:
        """Kill the main process of a service, and wait until it is healthy again.

        Return the time of the kill. The engine does not restart a service after `docker kill`, so
        another container that sees all processes sends the signal. This needs neither root nor
        access to the engine's machine.
        """
        (before,) = self.containers(service)
        words = ["--pid", "host", "--user", "0", "--network", "none", "--entrypoint", "sh"]
        command = f"kill -9 {before['State']['Pid']}"
        run(["docker", "run", "--rm", *words, "overfit-lab-web", "-c", command])
        killed_at = datetime.now(UTC)

        def is_back() -> bool:
            (now,) = self.containers(service)
            return now["RestartCount"] > before["RestartCount"] and is_healthy(now)

        wait_for(is_back, self.recent_logs)
        return killed_at

    def link(self) -> tuple[str, str]:
        """Return the URL and the token that the web service printed last."""
        url, token = LINK.findall(self.compose("logs", "web"))[-1]
        return url, token

    @cached_property
    def http(self) -> httpx.Client:
        """Client of the REST API that sends the token."""
        url, token = self.link()
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=url, headers=headers, timeout=30)

    def get(self, path: str) -> Any:
        return self.http.get(path).raise_for_status().json()


@contextmanager
def start_stack() -> Iterator[Stack]:
    """Build the images, start a stack, and remove it with its volumes at the end in any case."""
    stack = Stack()
    stack.compose("build", seconds=BUILD_SECONDS)
    try:
        stack.up()
        with stack.http:
            yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "5")


def is_healthy(container: Any) -> bool:
    """Return whether a container is running and healthy."""
    state = container["State"]
    return bool(state["Running"] and state["Health"]["Status"] == "healthy")


def run(
    command: Sequence[str], environment: dict[str, str] | None = None, seconds: float = 60
) -> str:
    """Run a command and return its output. Raises AssertionError with the output if it fails."""
    process = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds
    )
    assert process.returncode == 0, f"{' '.join(command)}\n{process.stdout}{process.stderr}"
    return process.stdout
