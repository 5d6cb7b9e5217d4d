"""The settings of a command: its flags over the environment."""

from argparse import Namespace

from pydantic import ValidationError
from pydantic_settings import SettingsError

from backend.errors import InvalidInput
from backend.settings import Settings


def configured(options: Namespace, *flags: str) -> Settings:
    """Return the settings, with those of `flags` that were given. Raises InvalidInput."""
    given = {flag: getattr(options, flag) for flag in flags}
    try:
        return Settings(**{flag: value for flag, value in given.items() if value is not None})
    except SettingsError as error:
        raise InvalidInput('LAB_ALLOWED_HOSTS is a JSON list, such as ["lab.example"].') from error
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        said = f"--{name.replace('_', '-')}" if given.get(name) else f"LAB_{name.upper()}"
        if name == "token":  # never repeated, not even a wrong one
            raise InvalidInput(f"{said}: {first['msg']}.") from None
        raise InvalidInput(f"{said}: {first['msg']}, not {first['input']!r}.") from error
