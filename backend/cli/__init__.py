"""Command line. The module of a command is imported only when that command runs."""

import os
import sys
from importlib import import_module

from backend.cli.arguments import COMMANDS, parse

BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Return its exit code: 0 success, 1 a run failed, 2 invalid input."""
    options = parse(arguments)
    from backend.cli.terminal import complain  # after parsing, so that --help is instant
    from backend.errors import LabError

    module, function = COMMANDS[options.command].function.split(":")
    try:
        return int(getattr(import_module(module), function)(options))
    except LabError as error:
        for problem in getattr(error, "errors", [error]):
            complain(f"lab: {problem.detail}")
        return BAD_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output (head, less) has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED
