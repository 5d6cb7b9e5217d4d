"""The page of tokens and browser sessions, for administrators."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from backend.access import named_tokens, sessions
from backend.access.named_tokens import DEFAULT_LIFETIME
from backend.access.scopes import MEANINGS
from backend.web.dependencies import AuthenticatorDep
from frontend.site import Reading, render

LIFETIMES = {
    "1d": "1 day",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "365d": "1 year",
    "never": "until it is revoked",
}

router = APIRouter()


@router.get("/tokens")
def tokens_page(session: Reading, authenticator: AuthenticatorDep) -> HTMLResponse:
    """Show the form for a new token, all tokens, and the signed-in browsers."""
    return render(
        "tokens.html",
        required=authenticator.required,
        scopes={scope.value: meaning for scope, meaning in MEANINGS.items()},
        lifetimes=LIFETIMES,
        default_lifetime=DEFAULT_LIFETIME,
        tokens=named_tokens.listed(session),
        sessions=sessions.listed(session),
    )
