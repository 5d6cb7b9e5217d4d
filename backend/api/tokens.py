"""Named tokens: list, create, revoke."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.access import named_tokens
from backend.access.named_tokens import DEFAULT_LIFETIME, DEFAULT_SCOPE, TokenItem
from backend.errors import Conflict
from backend.store import tokens
from backend.store.tables import MAX_ID
from backend.web.audit import note_changed
from backend.web.dependencies import AuthenticatorDep, DatabaseDep, IdentityDep

router = APIRouter(prefix="/api/tokens", tags=["access"])

TokenId = Annotated[int, Path(ge=1, le=MAX_ID, description="Id of a token.")]
OPEN_SERVICE = (
    "This service requires no token, so anyone could create one for later. Set LAB_TOKEN and "
    "restart, or use `lab token create` on this machine."
)


class NewToken(BaseModel):
    """A token to create."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)
    scope: str = Field(
        DEFAULT_SCOPE.value, max_length=200, description="read, log, submit or admin."
    )
    expires: str = Field(
        DEFAULT_LIFETIME, max_length=200, description="A lifetime such as 12h, 30d or 8w, or never."
    )


class CreatedToken(TokenItem):
    """A new token with its secret, which is not shown again."""

    secret: str


class Tokens(BaseModel):
    """All tokens, newest first."""

    items: list[TokenItem]


@router.get("", summary="List tokens")
def list_tokens(database: DatabaseDep) -> Tokens:
    """Return all named tokens, also revoked and expired ones."""
    with database.read() as session:
        return Tokens(items=named_tokens.listed(session))


@router.post("", status_code=201, summary="Create a token")
def create_token(
    response: Response,
    wanted: NewToken,
    database: DatabaseDep,
    authenticator: AuthenticatorDep,
    identity: IdentityDep,
) -> CreatedToken:
    """Create a token. Its secret is in this response only."""
    response.headers["Cache-Control"] = "no-store"
    if not authenticator.required:
        raise Conflict(OPEN_SERVICE)
    with database.write() as session:
        item, secret = named_tokens.create(session, **wanted.model_dump(), created_by=identity.name)
        note_changed("token", [item.id])
    return CreatedToken(**item.model_dump(), secret=secret)


@router.delete("/{token_id}", summary="Revoke a token")
def revoke_token(
    token_id: TokenId, database: DatabaseDep, authenticator: AuthenticatorDep
) -> TokenItem:
    """Make a token unusable for good. Its browser sessions end."""
    with database.write() as session:
        item = named_tokens.revoke(session, tokens.get(session, token_id))
    authenticator.forget()
    return item
