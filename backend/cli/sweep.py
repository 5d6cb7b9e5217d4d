"""Commands `lab sweep` and `lab agent`: run a command over a grid on this machine."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path
from socket import gaierror
from types import FrameType
from uuid import uuid4

from backend.cli.client import Client
from backend.cli.sweep_plan import (
    Slots,
    SweepPlan,
    command_of,
    read_plan,
    read_slots,
    stored_fields,
)
from backend.cli.terminal import say
from backend.cli.watch import follow
from backend.errors import InvalidInput, Unavailable
from backend.specification.params import JsonObject
from overfit_lab.connection import Refused, Unreachable
from overfit_lab.sweeps.agent import Agent
from overfit_lab.sweeps.commands import Command
from overfit_lab.sweeps.jobs import CommandLauncher
from overfit_lab.sweeps.service import Service, Wanted

FAILED, INTERRUPTED = 1, 130
CREATE_SECONDS = 60  # a server that restarts answers well before
PAUSE_SECONDS = 1.0


def run_sweep(options: Namespace) -> int:
    """Create a sweep and start an agent for it; with --wait, follow it until it ends."""
    stored = stored_fields(options)
    plan, slots = read_plan(options), read_slots(options, stored)
    options.server = options.server or stored.get("server")
    service = _service(options)
    created = _create(service, plan)
    id_, count = created["id"], created["runs"]
    say(f"experiment {id_}")
    amount = f"{count:,} run{'' if count == 1 else 's'}"
    say(f"{created['name']}, {amount}: {service.url}{created['url']}")
    if options.no_agent:
        say(f"Start its runs with: lab agent --experiment {id_} -- {' '.join(plan.command.words)}")
        return follow(Client.from_options(options), id_) if options.wait else 0
    if not options.wait:
        _start_in_background(service, plan, slots, id_)
        return 0
    if not _work(service, plan.command, slots, Wanted(id_, plan.command.digest)):
        say(f"Stopped. The runs that did not end wait for `lab agent --experiment {id_}`.")
        return INTERRUPTED
    failed = follow(Client.from_options(options), id_)
    counts = service.experiment(id_)["counts"]
    return FAILED if failed or counts["finished"] < sum(counts.values()) else 0


def run_agent(options: Namespace) -> int:
    """Start a command for waiting runs until interrupted, or until the experiment has ended."""
    command, slots = command_of(options), read_slots(options)
    digest = None if options.other_command else command.digest
    if options.other_command and options.experiment is None:
        raise InvalidInput("--other-command needs --experiment ID.", "experiment")
    service = _service(options)
    say(f"Agent of {service.url}: up to {slots.jobs} at once. Ctrl-C ends it.")
    done = _work(service, command, slots, Wanted(options.experiment, digest))
    return 0 if done else INTERRUPTED


def _service(options: Namespace) -> Service:
    client = Client.from_options(options)
    return Service(client.url, client.token)


def _create(service: Service, plan: SweepPlan) -> JsonObject:
    """Create the sweep; a request whose answer was lost is repeated for a while."""
    key, deadline = str(uuid4()), time.monotonic() + CREATE_SECONDS
    was_sent = False
    while True:
        try:
            return service.create(plan.body(), key)
        except Refused as error:
            raise InvalidInput(str(error)) from error
        except Unreachable as error:
            was_sent |= not isinstance(error.__cause__, ConnectionRefusedError | gaierror)
            if not was_sent or time.monotonic() > deadline:
                raise _unavailable(error) from error
            time.sleep(PAUSE_SECONDS)


def _unavailable(error: Unreachable) -> Unavailable:
    return Unavailable(f"{error}; start one with ./lab up or name one with --server.")


def _work(service: Service, command: Command, slots: Slots, wanted: Wanted) -> bool:
    """Let an agent work; return False if it was interrupted before it was done.

    The first SIGINT or SIGTERM gives the runs back, a second one kills their commands.
    """
    launcher = CommandLauncher(command)
    agent = Agent(service, launcher, wanted, jobs=slots.jobs, gpus=slots.gpus, say=say)
    interrupted = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        agent.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        agent.run()
    except Refused as error:
        raise InvalidInput(str(error)) from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        service.close()
    return not interrupted


def _start_in_background(service: Service, plan: SweepPlan, slots: Slots, id_: int) -> None:
    """Start an agent that goes on after this command and its terminal have ended."""
    log = Path(tempfile.gettempdir()) / f"lab-agent-{id_}-{uuid4().hex[:8]}.log"
    gpus = ",".join(slots.gpus) or "none"
    with log.open("xb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [
                *(sys.executable, "-m", "backend.cli", "agent"),
                *("--experiment", str(id_), "--server", service.url),
                *("--jobs", str(slots.jobs), "--gpus", gpus, "--style", plan.command.style),
                *("--", *plan.command.words),
            ],
            env={**os.environ, **({"LAB_TOKEN": service.token} if service.token else {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    say(f"Its agent runs in the background as process {process.pid}; its log is {log}.")
