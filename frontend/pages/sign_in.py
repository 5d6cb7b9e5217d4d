"""Sign-in page: the form for the service's token."""

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from backend.web.access import (
    MUST_SIGN_IN,
    SIGN_IN,
    SIGN_IN_FAILED,
    TokenCheck,
    local_url,
    url_without_token,
)
from frontend.site import render

router = APIRouter()

MAX_FIELDS = 4  # of the form; it has one


@router.get(SIGN_IN)
def show_form(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the URL
    """Show the form, unless the browser is signed in or no token is required."""
    check: TokenCheck | None = request.app.state.token_check
    if check is None or check.is_authorised(request):
        return RedirectResponse(local_url(next), status_code=303)
    return page(request, MUST_SIGN_IN)


@router.post(SIGN_IN)
async def sign_in(request: Request, next: str = "/") -> Response:  # noqa: A002
    """Sign in with the right token. Show the form again for a wrong one."""
    check: TokenCheck | None = request.app.state.token_check
    if check is None:
        return RedirectResponse(local_url(next), status_code=303)
    if not check.is_token(_token(await request.body())):
        return page(request, SIGN_IN_FAILED)
    return check.sign_in(request, local_url(next))


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
        is_wrong=detail == SIGN_IN_FAILED,
        repeat_request=request.headers.get("sec-fetch-site") == "cross-site",
    )
