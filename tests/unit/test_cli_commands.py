"""The table of commands of the command line."""

from importlib import import_module

import pytest

from backend.cli.arguments import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_names_a_function(name: str) -> None:
    module, function = COMMANDS[name].function.split(":")
    assert callable(getattr(import_module(module), function))
