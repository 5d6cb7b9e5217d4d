"""Command on named tokens, directly in the database: token create, list and revoke."""

import json
import os
from argparse import Namespace

from sqlalchemy.orm import Session

from backend.access import named_tokens
from backend.access.exposure import requires_token
from backend.access.named_tokens import TokenItem
from backend.cli.terminal import complain, say
from backend.operations.credentials import stored_token
from backend.operations.migration import opened, refuse_missing
from backend.private_files import user_name
from backend.settings import Settings, load_settings
from backend.store import audit, tokens
from backend.store.audit import COMMAND


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
        _record(session, options.action, item, 201)
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
    if not requires_token(settings) and not stored_token(settings.data_dir):
        complain(
            "The service requires a token if LAB_TOKEN is set, or if it was started with "
            "`lab up --token`."
        )


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
        _record(session, options.action, item, 200)
    say(f"Token {item.name} is revoked. A running service refuses it within 5 seconds.")


def _record(session: Session, action: str, item: TokenItem, status: int) -> None:
    """Add the command to the audit log, with the status of the same request over HTTP."""
    audit.record(
        session,
        token=None,
        in_browser=False,
        client=f"user {user_name(os.getuid())}",
        method=COMMAND,
        route=f"lab token {action}",
        targets={"token": [item.id]},
        status=status,
    )


def _line(item: TokenItem) -> str:
    end = {"revoked": item.revoked_at, "expired": item.expires_at}.get(item.state)
    state = f"{item.state} {end}" if end else f"valid until {item.expires_at or 'revoked'}"
    return f"{item.name:<24} {item.scope:<7} {state}, last used {item.last_used_at or 'never'}"


ACTIONS = {"create": _create, "list": _list, "revoke": _revoke}
