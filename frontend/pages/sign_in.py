"""Sign-in page: the form for a token; and signing out."""

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from backend.errors import Unauthorized
from backend.web.access import SIGN_IN, local_url, url_without_token
from backend.web.authentication import MUST_SIGN_IN, Authenticator
from backend.web.dependencies import AuthenticatorDep, IdentityDep
from frontend.site import render

router = APIRouter()

MAX_FIELDS = 4  # of the form; it has one


@router.get(SIGN_IN)
async def show_form(request: Request, authenticator: AuthenticatorDep, next: str = "/") -> Response:  # noqa: A002 - the name in the URL
    """Show the form, unless the browser is signed in or no token is required."""
    if await _is_signed_in(request, authenticator):
        return RedirectResponse(local_url(next), status_code=303)
    return page(request, MUST_SIGN_IN)


async def _is_signed_in(request: Request, authenticator: Authenticator) -> bool:
    try:
        await authenticator.identify(request)
    except Unauthorized:
        return False
    return True


@router.post(SIGN_IN)
async def sign_in(request: Request, authenticator: AuthenticatorDep, next: str = "/") -> Response:  # noqa: A002
    """Sign in with a token. Raises Unauthorized, whose page is the form, and TooManyRequests."""
    token = _token(await request.body())
    if not authenticator.required:
        return RedirectResponse(local_url(next), status_code=303)
    return await authenticator.sign_in(request, token, local_url(next))


@router.post("/sign-out")
async def sign_out(
    request: Request, authenticator: AuthenticatorDep, identity: IdentityDep
) -> Response:
    """End the session of this browser, and show the sign-in page."""
    return await authenticator.sign_out(request, identity, SIGN_IN)


def _token(form: bytes) -> str:
    """Return the token in a submitted form, which is at most LAB_MAX_FORM_BYTES long."""
    try:
        fields = parse_qs(form.decode(errors="replace"), max_num_fields=MAX_FIELDS)
    except ValueError:  # more fields
        return ""
    return fields.get("token", [""])[0].strip()


def page(request: Request, detail: str) -> HTMLResponse:
    """Return the form. Signing in continues to the requested page.

    A link on another site sends no cookie (SameSite=Strict) although the browser may have one.
    Such a request is repeated once from this page, which is same-site.
    """
    next_url = url_without_token(request)
    if request.scope["path"] == SIGN_IN:
        next_url = local_url(request.query_params.get("next", "/"))
    return render(
        "sign_in.html",
        status=401,
        next_url=next_url,
        problem="" if detail == MUST_SIGN_IN else detail,
        repeat_request=request.headers.get("sec-fetch-site") == "cross-site",
    )
