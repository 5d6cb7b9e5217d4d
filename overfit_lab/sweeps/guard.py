"""Keep one command: start it, pass on signals, and end all its processes with its agent.

The agent starts this file as a program of its own, `python -I guard.py COMMAND ...`, so it uses
the standard library only. Standard input is a pipe from the agent: `t` asks the command to end, `k`
kills it, and the end of the pipe, which also comes when the agent is killed, kills it too. Standard
output and error of the command go to standard output; the status goes to standard error.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

PR_SET_PDEATHSIG = 1  # Linux: the signal that a process gets when its parent dies
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the pipe decides


class Guard:
    """One command and its process group."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._lock = threading.Lock()
        self._ended = False

    def send(self, number: int) -> None:
        """Send a signal to all processes of the command."""
        with self._lock:
            if not self._ended:
                with suppress(ProcessLookupError):
                    os.killpg(self._pid, number)

    def obey(self, control: int) -> None:
        """Read the agent's orders until the pipe ends, then kill the command."""
        while order := os.read(control, 1):
            self.send(signal.SIGTERM if order == b"t" else signal.SIGKILL)
        self.send(signal.SIGKILL)

    def wait(self) -> int:
        """Wait for the command; return its exit code, negative for a signal.

        Processes that it left behind are killed while its id cannot be that of another group.
        """
        os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
        self.send(signal.SIGKILL)
        with self._lock:
            self._ended = True
            _, status = os.waitpid(self._pid, 0)
        return os.waitstatus_to_exitcode(status)


def die_with_parent(parent: int) -> None:
    """Let this process be killed when its parent dies, on Linux; end if it has died already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def prepare_child(guard: int) -> None:
    """Set up the process of the command before it begins: a group of its own, usual signals."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(guard)


def keep(pid: int, control: int, status: int) -> None:
    """Keep a started process, and write its status when it has ended."""
    guard = Guard(pid)
    threading.Thread(target=guard.obey, args=(control,), daemon=True).start()
    os.write(status, f"exit {guard.wait()}\n".encode())


def main(command: list[str]) -> int:
    """Start a command and keep it."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    me = os.getpid()
    try:
        process = subprocess.Popen(  # noqa: S603 - the agent's user gave the command
            command,
            stdin=subprocess.DEVNULL,
            stdout=1,
            stderr=1,
            start_new_session=True,
            preexec_fn=lambda: prepare_child(me),
        )
    except OSError as error:
        os.write(2, f"failed {command[0]}: {error.strerror}\n".encode())
        return 0
    os.close(1)  # so that the output ends with the command
    keep(process.pid, 0, 2)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
