"""The command line. Each command is a module, imported when it is asked for."""

import os
import sys
from importlib import import_module

from backend.cli.arguments import parse

BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 a run failed, 2 could not be done."""
    options = parse(arguments)
    from backend.errors import LabError  # after parsing: help answers at once

    command = import_module(f"backend.cli.{options.command}")
    try:
        return int(command.run(options))
    except LabError as error:
        for each in getattr(error, "errors", [error]):
            print(f"lab: {each.detail}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED
