"""Workers of `lab up` wait at a gate until the web process has migrated the database."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator

import pytest

from backend.supervisor.programs import GATE

PROGRAM = "from worker.gate import wait_for_gate; print(1, flush=True); wait_for_gate(); print(2)"


@pytest.fixture
def gate() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)


def start(**options: object) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0, **options)  # type: ignore[call-overload, no-any-return]


def test_a_worker_waits_until_the_gate_opens(gate: tuple[int, int]) -> None:
    reader, writer = gate
    with start(env={**os.environ, GATE: str(reader)}, pass_fds=(reader,)) as worker:
        assert worker.stdout and worker.stdout.readline() == b"1\n"
        assert not select.select([worker.stdout], [], [], 0.2)[0]
        os.close(writer)
        assert worker.stdout.readline() == b"2\n"


def test_a_worker_without_a_gate_goes_on() -> None:
    with start() as worker:
        assert worker.stdout and worker.stdout.read() == b"1\n2\n"
