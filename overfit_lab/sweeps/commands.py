"""The command of a sweep: a template on this machine, into which values are filled."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

ARGS = "args"
STYLES = ("options", "hydra", "env")
Style = Literal["options", "hydra", "env"]
"""How `{args}` passes values: `--width 8`, `width=8`, or only in the environment."""

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_OPTION = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_BRACES = {"{{": "{", "}}": "}"}


class InvalidCommand(ValueError):
    """A command that cannot be started with the values of a sweep, as a sentence."""


@dataclass(frozen=True)
class Command:
    """The words of a command. `{args}` stands for all values, `{width}` for that of one param.

    `{{` and `}}` are braces. `{hydra}` is `{args}` in the style of Hydra.
    """

    words: Sequence[str]
    style: Style = "options"

    @property
    def digest(self) -> str:
        """The SHA-256 of the command, by which an agent with another command is noticed."""
        return hashlib.sha256(json.dumps([*self.words, self.style]).encode()).hexdigest()

    def check(self, names: Iterable[str]) -> None:
        """Raise InvalidCommand unless the command has a place for every param."""
        if not self.words:
            raise InvalidCommand("The command is missing; give it after --.")
        known = set(names)
        used = {name for word in self.words for name in _placeholders(word)}
        general = used & {ARGS, "hydra"} - known
        for name in sorted(used - general - known):
            raise InvalidCommand(
                f"{{{name}}} in the command is not a param of the sweep; accepted: {{args}}, "
                f"{', '.join(f'{{{known_name}}}' for known_name in sorted(known))}, or "
                f"{{{{{name}}}}} for the text itself."
            )
        unplaced = sorted(known - used)
        if unplaced and not general and self.style != "env":
            raise InvalidCommand(
                f"The command does not get {', '.join(unplaced)}; add {{args}} where the values "
                "belong, or --style env if it reads them from the environment."
            )

    def argv(self, params: Mapping[str, str], options: Mapping[str, str]) -> list[str]:
        """Return the words to execute. `options` spells the params on the command line.

        Raises InvalidCommand for a name from the server that is not one.
        """
        for name, option in options.items():
            if not _NAME.fullmatch(name) or not _OPTION.fullmatch(option):
                raise InvalidCommand(f"The server sent {name!r:.80} as the name of a param.")
        single = {name for word in self.words for name in _placeholders(word)}
        rest = {name: value for name, value in params.items() if name not in single}
        argv: list[str] = []
        for word in self.words:
            if word in ("{args}", "{hydra}") and word[1:-1] not in params:
                hydra = word == "{hydra}" or self.style == "hydra"
                argv += _all_values(rest, options, "hydra" if hydra else self.style)
            else:
                argv.append(_filled(word, params))
        return argv


def _placeholders(word: str) -> list[str]:
    return [match[1] for match in _PLACEHOLDER.finditer(word) if match[1]]


def _filled(word: str, params: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        return params.get(match[1], match[0]) if match[1] else _BRACES[match[0]]

    return _PLACEHOLDER.sub(value, word)


def _all_values(params: Mapping[str, str], options: Mapping[str, str], style: Style) -> list[str]:
    if style == "env":
        return []
    if style == "hydra":
        return [f"{name}={value}" for name, value in params.items()]
    words: list[str] = []
    for name, value in params.items():
        option = f"--{options.get(name, name)}"
        # joined, a value such as -0.1 cannot be taken for an option
        words += [f"{option}={value}"] if value.startswith("-") else [option, value]
    return words


def environment(params: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that hold params: LAB_N_TRAIN for n_train."""
    return {f"LAB_{name.upper().replace('.', '_')}": value for name, value in params.items()}
