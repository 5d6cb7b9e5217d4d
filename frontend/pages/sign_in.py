"""The page that asks for the service's token, and takes it."""

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from backend.web.access import NEEDED, SIGN_IN, WRONG, Key, address_without_token, local_address
from frontend.site import render

router = APIRouter()


@router.get(SIGN_IN)
def ask(request: Request, next: str = "/") -> Response:  # noqa: A002 - the word in the address
    """Ask for the token, unless it has been shown or none is needed."""
    key: Key | None = request.app.state.key
    if key is None or key.is_shown(request):
        return RedirectResponse(local_address(next), status_code=303)
    return page(request, NEEDED)


@router.post(SIGN_IN)
async def take(request: Request, next: str = "/") -> Response:  # noqa: A002
    """Let in whoever gives the token; ask again otherwise."""
    key: Key | None = request.app.state.key
    fields = parse_qs((await request.body()).decode(errors="replace"))
    if key is None:
        return RedirectResponse(local_address(next), status_code=303)
    if not key.is_token(fields.get("token", [""])[0].strip()):
        return page(request, WRONG)
    return key.let_in(request, local_address(next))


def page(request: Request, detail: str) -> HTMLResponse:
    """Return the page with a form for the token, that leads on to what was asked for.

    A link on another site brings no cookie along (SameSite=Strict), though the browser may have
    one: such a request is asked once more from here.
    """
    onward = address_without_token(request)
    if request.scope["path"] == SIGN_IN:
        onward = local_address(request.query_params.get("next", "/"))
    return render(
        "sign_in.html",
        status=401,
        onward=onward,
        wrong=detail == WRONG,
        once_more=request.headers.get("sec-fetch-site") == "cross-site",
    )
