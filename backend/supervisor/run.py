"""Supervisor of `lab up`: starts all processes in order, restarts them, stops them in order."""

import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from pydantic import SecretStr

from backend import logging_setup
from backend.access.exposure import public_names, requires_token
from backend.errors import Unavailable
from backend.operations import credentials, data_folder, login_users
from backend.private_files import open_unlinked
from backend.settings import Settings
from backend.supervisor import programs, urls
from backend.supervisor.lock import check_port, lock_data_dir
from backend.supervisor.programs import Child, Program


class Signals:
    """Counts stop requests. Every signal interrupts `wait`."""

    def __init__(self) -> None:
        self.stops = 0
        self._reader, writer = os.pipe()
        for end in (self._reader, writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
            signal.signal(signal.SIGHUP, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def wait(self, seconds: float) -> None:
        """Sleep for `seconds` or until a signal arrives."""
        if select.select([self._reader], [], [], seconds)[0]:
            os.read(self._reader, 4096)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stops += 1


TICK_SECONDS = 0.5
SHORT_TICK_SECONDS = 0.05
# Deadlines after the request to stop, for each kind of process.
WORKERS_END_SECONDS = 2.0  # long enough to requeue their runs
WEB_END_SECONDS = 3.5
ALL_END_SECONDS = 4.0  # remaining processes are killed


def run(settings: Settings, say: Callable[[str], None]) -> None:
    """Run the product until SIGINT or SIGTERM. Raises Conflict, InvalidInput, Unavailable."""
    signals = Signals()
    data_folder.protect(settings)
    with lock_data_dir(settings.data_dir), ExitStack() as cleanup:
        check_port(settings.host, settings.port)
        settings = with_required_token(settings)
        socket_path = cleanup.enter_context(programs.broker_socket(settings))
        supervisor = Supervisor(settings, signals, say)
        cleanup.callback(supervisor.stop)
        if settings.broker is None:
            supervisor.start_broker(socket_path)
        supervisor.start_services()
        supervisor.keep_running()


def with_required_token(settings: Settings) -> Settings:
    """Require the token stored in the data folder if others can reach the service."""
    is_reachable = any(public_names(settings)) or _wants_local_token(settings)
    if requires_token(settings) or not is_reachable:
        return settings
    token = SecretStr(credentials.token(settings.data_dir))
    return settings.model_copy(update={"token": token})


def _wants_local_token(settings: Settings) -> bool:
    """Return whether other users of this machine need a token."""
    if settings.local_access == "auto":
        return login_users.is_shared_machine()
    return settings.local_access == "token"


class Supervisor:
    """The supervised processes."""

    def __init__(self, settings: Settings, signals: Signals, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._signals = signals
        self._say = say
        self._environment = programs.environment(settings, settings.broker_url)
        self._log_dir = settings.data_dir.resolve() / "logs"
        self._log_dir.mkdir(exist_ok=True)
        path = self._log_dir / "supervisor.log"
        log = open(path, "a", encoding="utf-8", opener=open_unlinked)  # noqa: SIM115
        logging_setup.configure(settings.log, process="supervisor", to=log)
        self._broker: list[Child] = []
        self._web: list[Child] = []
        self._workers: list[Child] = []

    def start_broker(self, socket_path: Path) -> None:
        """Start the embedded broker and wait until it answers."""
        self._environment = programs.environment(self._settings, f"unix://{socket_path}")
        self._broker = [self._start(programs.broker(socket_path, self._settings.data_dir))]
        self._wait_until(lambda: programs.broker_answers(socket_path), self._broker[0])

    def start_services(self) -> None:
        """Start the web process and the workers, and wait until the web process answers.

        The workers load PyTorch at low priority during this time. They wait at a gate until the
        web process has migrated the database.
        """
        gate, opener = os.pipe()
        try:
            self._web = [self._start(programs.WEB)]
            self._workers = [
                self._start(programs.worker(number, self._settings.worker_nice), gate)
                for number in range(1, self._settings.workers + 1)
            ]
            self._wait_until(lambda: urls.web_answers(self._settings), self._web[0])
        finally:
            os.close(gate)
            os.close(opener)

    def keep_running(self) -> None:
        """Restart processes that end, until a stop is requested."""
        if not self._signals.stops:
            self._say(f"Overfit Lab is ready: {urls.url_with_token(self._settings)}")
            self._say(urls.advice(self._settings))
        while not self._signals.stops:
            for child in self._children:
                child.restart_if_ended()
            self._signals.wait(TICK_SECONDS)
        self._say("Stopping.")

    def stop(self) -> None:
        """Stop workers, web process and broker, in this order. A second request kills them."""
        begun = time.monotonic()
        for children, seconds in (
            (self._workers, WORKERS_END_SECONDS),
            (self._web, WEB_END_SECONDS),
            (self._broker, ALL_END_SECONDS),
        ):
            for child in children:
                child.terminate()
            self._wait_ended(children, begun + seconds)
        self._wait_ended(self._children, begun + ALL_END_SECONDS)
        for child in self._children:
            child.kill()

    @property
    def _children(self) -> list[Child]:
        return [*self._broker, *self._web, *self._workers]

    def _start(self, program: Program, gate: int | None = None) -> Child:
        return Child(
            program,
            environment=self._environment,
            log_dir=self._log_dir,
            say=self._say,
            gate=gate,
        )

    def _wait_until(self, ready: Callable[[], bool], needed: Child) -> None:
        """Wait for a child that the start depends on. Raises Unavailable if it ends instead."""
        while not self._signals.stops and not ready():
            if needed.exit_code is not None:
                raise Unavailable(needed.exit_message)
            self._signals.wait(SHORT_TICK_SECONDS)

    def _wait_ended(self, children: Iterable[Child], deadline: float) -> None:
        while any(child.exit_code is None for child in children):
            if self._signals.stops > 1 or time.monotonic() > deadline:
                return
            self._signals.wait(SHORT_TICK_SECONDS)
