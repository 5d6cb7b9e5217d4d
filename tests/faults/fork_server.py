"""Fork server: a process with the product's modules loaded, which forks its programs quickly.

Importing PyTorch after each of hundreds of kills would take hours on a small machine. The fork runs
the same program: the module that `lab up` starts, with the same arguments and environment.
"""

import ctypes
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.product import ROOT

_PR_SET_PDEATHSIG = 1
_PRELOADED = ("torch", "celery.bin.worker", "kombu.transport.redis", "uvicorn", "backend.main",
           "frontend", "worker.tasks", "worker.training.group")  # fmt: skip


class ForkServer:
    """Forks programs on request. Forked programs that end leave no zombie.

    `environment` holds variables that must be set when a process starts, such as LD_PRELOAD.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.fork_server"],
            cwd=ROOT,
            env=os.environ | (environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(
        self, module: str, arguments: Sequence[str], *, environment: Mapping[str, str], log: Path
    ) -> int:
        """Start `python -m module arguments` and return its process id."""
        assert self._process.stdin and self._process.stdout
        request = [module, list(arguments), dict(environment), str(log)]
        self._process.stdin.write(f"{json.dumps(request)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the server, and with it all programs that it forked."""
        self._process.kill()
        self._process.wait()


def die_with_parent() -> None:
    """Make the kernel kill this process when its parent ends in any way (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _serve() -> None:
    die_with_parent()
    for name in _PRELOADED:
        __import__(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies: the kernel reaps children
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _run_module(*json.loads(line))
        print(pid, flush=True)


def _run_module(module: str, arguments: list[str], environment: dict[str, str], log: str) -> None:
    """Run a module in the forked process as a separate process would. Never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    die_with_parent()
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for descriptor, number in ((null, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as exit_request:
        os._exit(exit_request.code if isinstance(exit_request.code, int) else 1)
    finally:
        os._exit(1)


if __name__ == "__main__":
    _serve()
