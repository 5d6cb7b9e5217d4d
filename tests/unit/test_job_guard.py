"""The guard of a job: passes on the output and the exit code, and leaves no process behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from overfit_lab.sweeps import guard
from tests.product import wait_for


@contextmanager
def kept(*command: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        yield process
        process.kill()


def python(code: str) -> tuple[str, ...]:
    return sys.executable, "-c", code


def started(process: "subprocess.Popen[bytes]") -> list[int]:
    """Return the ids of processes, which a command prints in its first line."""
    assert process.stdout is not None
    return [int(number) for number in process.stdout.readline().split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


TWO = (
    "import os, subprocess, sys, signal, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "print(os.getpid(), child.pid, flush=True)\n"
)


def results(*command: str) -> tuple[bytes, bytes]:
    """Return the output and the status of a command."""
    with kept(*command) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        return process.stdout.read(), process.stderr.read()


def test_output_and_exit_code_are_passed_on() -> None:
    code = "import sys; print('a', flush=True); print('b', file=sys.stderr); sys.exit(7)"
    assert results(*python(code)) == (b"a\nb\n", b"exit 7\n")


def test_a_signal_is_a_negative_exit_code() -> None:
    assert results(*python("import os; os.kill(os.getpid(), 9)"))[1] == b"exit -9\n"


def test_a_command_that_does_not_exist_is_reported() -> None:
    assert results("/no/such/program")[1].startswith(b"failed /no/such/program: No such file")


def test_a_command_is_asked_to_end_and_then_killed() -> None:
    code = "import signal, time; signal.signal(15, lambda *_: print('asked', flush=True)); "
    with kept(*python(code + "print(0, flush=True)\nwhile True: time.sleep(1)")) as process:
        started(process)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"t")
        process.stdin.flush()
        assert process.stdout.readline() == b"asked\n"
        process.stdin.write(b"k")
        process.stdin.flush()
        assert process.stderr is not None
        assert process.stderr.read() == b"exit -9\n"


def test_all_processes_end_with_the_agent() -> None:
    with kept(*python(TWO + "time.sleep(600)")) as process:
        pids = started(process)
        assert process.stdin is not None
        process.stdin.close()  # as the death of the agent does
        wait_for(lambda: not any(map(alive, pids)), seconds=20)


def test_what_a_command_leaves_behind_ends_with_it() -> None:
    with kept(*python(TWO)) as process:
        [_, left] = started(process)
        wait_for(lambda: not alive(left), seconds=20)


def test_a_command_dies_with_its_guard() -> None:
    with kept(*python(TWO + "time.sleep(600)")) as process:
        [command, child] = started(process)
        process.send_signal(signal.SIGKILL)
        wait_for(lambda: not alive(command), seconds=20)
        os.kill(child, signal.SIGKILL)
