"""lab secrets: make the passwords and the token of a deployment, which has no default ones."""

from argparse import Namespace

from backend.cli.configuration import configured
from backend.errors import InvalidInput, Unavailable
from backend.operations import credentials


def run(options: Namespace) -> int:
    """Make what is missing; then renew the token, or print how to join from another machine."""
    folder = configured(options).secrets_dir
    if folder is None:
        raise InvalidInput("LAB_SECRETS_DIR is not set: the folder to keep the secrets in.")
    try:
        credentials.make(folder)
        if options.new_token:
            credentials.renew_token(folder)
            print("There is a new token; start the web service again to use it.")
        if options.join:
            lines = credentials.addresses(folder, database=options.join, broker=options.join)
            print("\n".join(f"{name}={value}" for name, value in lines.items()))
    except OSError as error:
        raise Unavailable(f"{folder} cannot hold secrets: {error.strerror}.") from error
    return 0
