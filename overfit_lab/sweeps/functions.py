"""Jobs that call a Python function, each in processes of its own that are forked from this one."""

import atexit
import hashlib
import inspect
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from backend.errors import LabError
from overfit_lab import session
from overfit_lab.histories import read_history
from overfit_lab.sweeps import guard
from overfit_lab.sweeps.commands import InvalidCommand
from overfit_lab.sweeps.jobs import Job
from overfit_lab.sweeps.output import Output
from overfit_lab.sweeps.service import Grant

Train = Callable[..., object]
FAILED = 1


def function_digest(train: Train) -> str:
    """Return the SHA-256 of a function's name, and of its source if it can be read."""
    name = f"{getattr(train, '__module__', '')}.{getattr(train, '__qualname__', repr(train))}"
    try:
        source = inspect.getsource(train)
    except (OSError, TypeError):  # typed in without a file, or not a function
        source = ""
    return hashlib.sha256(f"{name}\n{source}".encode()).hexdigest()


class ForkedProcess:
    """A child of this process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, None while the process runs."""
        if self._code is None:
            with suppress(ChildProcessError):
                pid, status = os.waitpid(self._pid, os.WNOHANG)
                if pid:
                    self._code = os.waitstatus_to_exitcode(status)
        return self._code


class FunctionLauncher:
    """Calls a function with the values of a run. `values` has those of each param by their text."""

    def __init__(self, train: Train, values: Mapping[str, Mapping[str, Any]]) -> None:
        self._train, self._values = train, values
        self._jobs: list[Job] = []

    def start(self, grant: Grant, env: Mapping[str, str], slot: int) -> Job:
        """Call the function in a forked process. Raises InvalidCommand for an unknown value."""
        try:
            arguments = {name: self._values[name][text] for name, text in grant.params.items()}
        except KeyError as error:
            raise InvalidCommand(f"the sweep has no value {error}.") from error
        control_end, control = os.pipe()
        output_end, output_start = os.pipe()
        status, status_start = os.pipe()
        self._jobs = [job for job in self._jobs if job.is_open]
        others = [job.control for job in self._jobs]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
            pid = os.fork()
        if pid == 0:
            unused = [*others, control, output_end, status]
            _guard(lambda: _call(self._train, arguments, env), control_end, output_start,
                   status_start, unused)  # fmt: skip
        for descriptor in (control_end, output_start, status_start):
            os.close(descriptor)
        output = Output()
        output.follow(output_end)
        job = Job(grant, ForkedProcess(pid), control, status, output, slot)
        self._jobs.append(job)
        return job


def _guard(
    call: Callable[[], int], control: int, output: int, status: int, unused: Sequence[int]
) -> NoReturn:
    """Become the guard of a function call, in the first forked process."""
    try:
        for descriptor in unused:  # the pipe to another guard must end with the agent alone
            with suppress(OSError):
                os.close(descriptor)
        os.setsid()
        for number in guard.IGNORED:
            signal.signal(number, signal.SIG_IGN)
        me = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(control)
            os.close(status)
            os.setsid()
            guard.prepare_child(me)
            os._exit(_exit_code(call, output))
        os.close(output)
        guard.keep(pid, control, status)
    finally:
        os._exit(0)


def _exit_code(call: Callable[[], int], output: int) -> int:
    """Call the function in the second forked process, with its output in a pipe."""
    atexit._clear()  # those of the notebook
    session._runs.clear()  # the current run is that of the notebook
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    try:
        code = call()
        session.finish(failed=code != 0)
        atexit._run_exitfuncs()
    except BaseException:  # noqa: BLE001 - as at the end of a program
        traceback.print_exc()
        code = FAILED
    sys.stdout.flush()
    return code


def _call(train: Train, arguments: Mapping[str, Any], env: Mapping[str, str]) -> int:
    """Call the function, and log the history that it returns if it logs nothing itself."""
    os.environ.clear()
    os.environ.update(env)
    try:
        result = train(**arguments)
        if result is not None and "LAB_RUN_ID" in os.environ:
            _log_history(result)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - reported as the program's failure
        traceback.print_exc()
        return FAILED
    return 0


def _log_history(result: object) -> None:
    try:
        [history] = read_history(result)
    except (LabError, ValueError):  # the function returns something else
        return
    run = session.init(quiet=True)
    for name, series in history.series.items():
        for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
            run.log({name: value}, step=step)
    run.finish()
