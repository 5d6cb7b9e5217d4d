"""A process that has loaded what the product needs, and forks a program of it in an instant.

Loading PyTorch anew after each of hundreds of kills would take hours of a small machine. What runs
in the fork is the same: the module that `lab up` starts, with its arguments and environment.
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
_LOADED = ("torch", "celery.bin.worker", "kombu.transport.redis", "uvicorn", "backend.main",
           "frontend", "worker.tasks", "worker.training.group")  # fmt: skip


class Nursery:
    """Forks programs on request. Those that have ended leave nothing behind.

    `environment` holds variables that count when a process begins, such as LD_PRELOAD.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            cwd=ROOT,
            env=os.environ | (environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(
        self, module: str, arguments: Sequence[str], *, environment: Mapping[str, str], log: Path
    ) -> int:
        """Start `python -m module arguments`; return its process id."""
        assert self._process.stdin and self._process.stdout
        request = [module, list(arguments), dict(environment), str(log)]
        self._process.stdin.write(f"{json.dumps(request)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and with it all that it forked."""
        self._process.kill()
        self._process.wait()


def die_with_parent() -> None:
    """Have this process killed when the one that started it ends, however that does (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _serve() -> None:
    die_with_parent()
    for name in _LOADED:
        __import__(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever ends is forgotten at once
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _become(*json.loads(line))
        print(pid, flush=True)


def _become(module: str, arguments: list[str], environment: dict[str, str], log: str) -> None:
    """In the fork: run a module as a process of its own would."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    die_with_parent()
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for descriptor, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ending:
        os._exit(ending.code if isinstance(ending.code, int) else 1)
    finally:
        os._exit(1)


if __name__ == "__main__":
    _serve()
