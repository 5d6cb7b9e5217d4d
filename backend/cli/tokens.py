"""Command on named tokens, directly in the database: token create, list and revoke."""

import json
from argparse import Namespace

from backend.access import named_tokens
from backend.access.exposure import requires_token
from backend.access.named_tokens import TokenItem
from backend.cli.terminal import complain, say
from backend.operations.migration import opened, refuse_missing
from backend.settings import Settings, load_settings
from backend.store import tokens


def run(options: Namespace) -> int:
    """Run `lab token create`, `list` or `revoke`."""
    settings = load_settings(options, "data_dir")
    refuse_missing(settings)
    ACTIONS[options.action](options, settings)
    return 0


def _create(options: Namespace, settings: Settings) -> None:
    """Print the secret of a new token, alone on the standard output."""
    with opened(settings) as database, database.write() as session:
        item, secret = named_tokens.create(
            session, name=options.name, scope=options.scope, expires=options.expires
        )
    if options.format == "json":
        say(json.dumps({**item.model_dump(), "secret": secret}, indent=1))
        return
    _explain(item, settings)
    say(secret)


def _explain(item: TokenItem, settings: Settings) -> None:
    until = f"until {item.expires_at}" if item.expires_at else "until it is revoked"
    complain(
        f"Token {item.name} with the scope {item.scope}, valid {until}. It is not shown again:"
    )
    if not requires_token(settings):
        complain("The service requires no token while LAB_TOKEN is not set.")


def _list(options: Namespace, settings: Settings) -> None:
    with opened(settings) as database, database.read() as session:
        items = named_tokens.listed(session)
    if options.format == "json":
        say(json.dumps([item.model_dump() for item in items], indent=1))
        return
    for item in items:
        say(_line(item))
    if not items:
        say("There are no tokens.")


def _revoke(options: Namespace, settings: Settings) -> None:
    with opened(settings) as database, database.write() as session:
        item = named_tokens.revoke(session, tokens.named(session, options.name))
    say(f"Token {item.name} is revoked. A running service refuses it within 5 seconds.")


def _line(item: TokenItem) -> str:
    end = {"revoked": item.revoked_at, "expired": item.expires_at}.get(item.state)
    state = f"{item.state} {end}" if end else f"valid until {item.expires_at or 'revoked'}"
    return f"{item.name:<24} {item.scope:<7} {state}, last used {item.last_used_at or 'never'}"


ACTIONS = {"create": _create, "list": _list, "revoke": _revoke}
