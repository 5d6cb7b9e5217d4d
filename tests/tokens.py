"""A service that requires tokens, with a token for each role."""

from dataclasses import dataclass

import httpx
from sqlalchemy import update

from backend.access import named_tokens
from backend.access.scopes import Scope
from backend.settings import Settings
from backend.store import tokens
from backend.store.tables import Token
from tests.api import Api

OPERATOR = "Zk3vQ9xw7Lr2Tn8Yb5Hs1Dm6"  # the LAB_TOKEN of these services
PAGE = {"accept": "text/html"}


def with_token(settings: Settings) -> Settings:
    """Return the settings with a token, which the service then requires."""
    return Settings(**{**settings.model_dump(), "token": OPERATOR})


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def new_token(api: Api, name: str, scope: str = "read", expires: str = "1d") -> str:
    """Create a token; return its secret."""
    with api.database.write() as session:
        return named_tokens.create(session, name=name, scope=scope, expires=expires)[1]


def revoke(api: Api, name: str) -> None:
    """Revoke a token as another process does: this one's memory of it stays."""
    with api.database.write() as session:
        named_tokens.revoke(session, tokens.named(session, name))


def expire(api: Api, name: str) -> None:
    with api.database.write() as session:
        session.execute(update(Token).where(Token.name == name).values(expires_at=1))


def sign_in(api: Api, secret: str) -> dict[str, str]:
    """Sign a browser in; return its cookie as a header."""
    answer = api.post("/sign-in", data={"token": secret}, headers=PAGE)
    assert answer.status_code == 303, answer.text
    return cookie_of(answer)


def cookie_of(answer: httpx.Response) -> dict[str, str]:
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


@dataclass(frozen=True)
class Role:
    """A sender of requests: the headers it sends, and the scope it has (None: refused)."""

    name: str
    headers: dict[str, str]
    scope: Scope | None


def every_role(api: Api) -> list[Role]:
    """Return all roles, with tokens and a browser session that were just created."""
    roles = [
        Role("no token", {}, None),
        *(Role(each.value, bearer(new_token(api, each.value, each.value)), each) for each in Scope),
        Role("operator", bearer(OPERATOR), Scope.ADMIN),
        Role("browser", sign_in(api, new_token(api, "browser", "submit")), Scope.SUBMIT),
    ]
    for name, end in (("revoked", revoke), ("expired", expire)):
        secret = new_token(api, name, "admin")
        cookie = sign_in(api, new_token(api, f"{name} browser", "admin"))
        end(api, name)
        end(api, f"{name} browser")
        roles += [Role(name, bearer(secret), None), Role(f"{name} browser", cookie, None)]
    api.app.state.authenticator.forget()
    return roles
