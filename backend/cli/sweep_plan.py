"""Plan of `lab sweep`: read from its options and its YAML file, and checked."""

import getpass
import shlex
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backend.errors import InvalidInput, MalformedBody, TooLarge
from backend.specification.params import JsonObject
from backend.specification.parsing import parse_yaml
from overfit_lab.sweeps.commands import STYLES, Command, InvalidCommand, Style
from overfit_lab.sweeps.gpus import visible_gpus

FIELDS = ("name", "axes", "seeds", "command", "jobs", "gpus", "style", "stop_when", "server")
MAX_JOBS = 1024
SEED = "seed"
SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class SweepPlan:
    """A sweep to create: its axes by name, and the spelling of each as an option."""

    name: str
    axes: Mapping[str, list[str]]
    options: Mapping[str, str]
    command: Command
    seeds: int | None = None
    stop_when: str | None = None

    def body(self) -> JsonObject:
        """Return the request that creates the sweep."""
        return {
            "name": self.name,
            "axes": dict(self.axes),
            "seeds": self.seeds,
            "options": dict(self.options),
            "command_digest": self.command.digest,
            "stop_when": self.stop_when,
            "user": _user(),
        }


@dataclass(frozen=True)
class Slots:
    """How many jobs an agent runs at once, and the GPUs that they use."""

    jobs: int
    gpus: list[str] = field(default_factory=list)


def read_plan(options: Namespace) -> SweepPlan:
    """Return the plan in the options and their file. Options replace fields of the file.

    Raises InvalidInput.
    """
    stored = _read_file(options.file) if options.file else {}
    axes = _axes(stored.get("axes") or {}) | _axes(_given_axes(options))
    seeds = options.seeds if options.seeds is not None else stored.get("seeds")
    command = _command(options, stored)
    names = [_param(option) for option in axes]
    if len(set(names)) < len(names):
        raise InvalidInput(f"Two axes have the same name; given: {', '.join(axes)}.", "axes")
    plan = SweepPlan(
        name=options.name or str(stored.get("name") or _usual_name(command)),
        axes={_param(option): values for option, values in axes.items()},
        options={_param(option): option for option in axes},
        command=command,
        seeds=None if seeds is None else _whole(seeds, "seeds"),
        stop_when=options.stop_when or stored.get("stop_when"),
    )
    if not plan.axes and plan.seeds is None:
        raise InvalidInput("The sweep has no axis; give one, such as --width 8,32.", "axes")
    check_command(command, [*plan.axes, *([SEED] if plan.seeds is not None else [])])
    return plan


def check_command(command: Command, names: list[str]) -> None:
    """Raise InvalidInput unless the command takes the values of all params."""
    try:
        command.check(names)
    except InvalidCommand as error:
        raise InvalidInput(str(error), "command") from error


def read_slots(options: Namespace, stored: JsonObject | None = None) -> Slots:
    """Return the number of jobs and the GPUs. Raises InvalidInput."""
    stored = stored or {}
    gpus = options.gpus if options.gpus is not None else stored.get("gpus")
    if gpus is None:
        used = visible_gpus()
    elif isinstance(gpus, list):
        used = [_text(gpu, "gpus") for gpu in gpus]
    else:
        used = [] if str(gpus) == "none" else [gpu for gpu in str(gpus).split(",") if gpu]
    jobs = options.jobs if options.jobs is not None else stored.get("jobs")
    return Slots(max(1, len(used)) if jobs is None else _whole(jobs, "jobs", MAX_JOBS), used)


def stored_fields(options: Namespace) -> JsonObject:
    """Return the fields of the YAML file, none without a file. Raises InvalidInput."""
    return _read_file(options.file) if options.file else {}


def command_of(options: Namespace) -> Command:
    """Return the command of `lab agent`."""
    return _command(options, {})


def _command(options: Namespace, stored: JsonObject) -> Command:
    words = options.given_command or stored.get("command")
    if isinstance(words, str):
        words = shlex.split(words)
    if not isinstance(words, list) or not words:
        raise InvalidInput("The command is missing; give it after --.", "command")
    style: Style = options.style or stored.get("style") or "options"
    if style not in STYLES:
        raise InvalidInput(f"style is {style!r}; accepted: {', '.join(STYLES)}.", "style")
    return Command([str(word) for word in words], style)


def _read_file(path: str) -> JsonObject:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InvalidInput(f"Cannot read {path}: {error.strerror}.") from error
    try:
        document = parse_yaml(content)
    except (MalformedBody, TooLarge) as error:
        raise InvalidInput(f"{path}: {error.detail}") from error
    if not isinstance(document, dict):
        raise InvalidInput(f"{path} is not a mapping; accepted: the fields {', '.join(FIELDS)}.")
    for name in document:
        if name not in FIELDS:
            raise InvalidInput(
                f"{path}: {str(name)[:SHOWN_CHARACTERS]} is not a field; accepted: "
                f"{', '.join(FIELDS)}.",
                str(name),
            )
    return document


def _given_axes(options: Namespace) -> dict[str, object]:
    """Return the axes among the options, those of --axis included."""
    given: dict[str, object] = dict(options.axes)
    for text in options.axis:
        name, joined, values = text.partition("=")
        if not joined:
            raise InvalidInput(f"--axis is {text!r}; accepted: NAME=V1,V2.", "axis")
        given[name] = values
    return given


def _axes(given: object) -> dict[str, list[str]]:
    """Return axes with their values as text. Text is divided at its commas."""
    if not isinstance(given, Mapping):
        raise InvalidInput("axes is not a mapping; accepted: such as {width: [8, 32]}.", "axes")
    axes = {}
    for name, values in given.items():
        listed = values if isinstance(values, list) else str(_text(values, name)).split(",")
        axes[str(name)] = [_text(value, name) for value in listed]
        if not all(value.strip() for value in axes[str(name)]):
            raise InvalidInput(f"{name} has an empty value; accepted: such as 8,32.", str(name))
    return axes


def _text(value: object, name: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value).strip()
    raise InvalidInput(f"{name} has a value that is not a text or a number.", str(name))


def _param(option: str) -> str:
    return option.replace("-", "_")


def _whole(value: object, name: str, most: int = 1_000_000) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if not 1 <= number <= most:
        raise InvalidInput(
            f"{name} is {str(value)[:SHOWN_CHARACTERS]!r}; accepted: a whole number from 1 to "
            f"{most:,}.",
            name,
        )
    return number


def _usual_name(command: Command) -> str:
    """Return the name of the program, such as train for `python train.py {args}`."""
    scripts = [Path(word).stem for word in command.words if word.endswith((".py", ".sh", ".R"))]
    return (scripts or [Path(command.words[0]).stem])[0]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return ""
