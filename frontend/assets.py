"""Static files and Plotly.js, held in memory under addresses that change with their content."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import plotly
from fastapi import APIRouter, Request, Response
from plotly.offline import get_plotlyjs_version

from backend.errors import NotFound

STATIC = Path(__file__).parent / "static"
_PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
_COMPRESSIBLE = ("text/", "image/svg")
_STYLES = "lab.css"  # all of css/, sent as one file

router = APIRouter()


@dataclass(frozen=True)
class Asset:
    """A file as it is sent: plain, and compressed where that helps."""

    media_type: str
    plain: bytes
    gzipped: bytes | None


@cache
def version() -> str:
    """Return the digest of all static files: part of their addresses, so they may be kept."""
    digest = hashlib.sha256()
    for path in _paths():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def address(name: str) -> str:
    """Return the address of a static file."""
    return f"/static/{version()}/{name}"


def plotly_address() -> str:
    """Return the address of Plotly.js, as the plotly wheel brings it."""
    return f"/static/plotly-{get_plotlyjs_version()}.min.js"


@router.get(plotly_address())
def plotly_js(request: Request) -> Response:
    """Serve Plotly.js."""
    return _answer(request, _plotly())


@router.get("/static/{_version}/{name:path}")
def static_file(request: Request, name: str) -> Response:
    """Serve a static file; the names are those found at the start, never a path."""
    asset = _assets().get(name)
    if asset is None:
        raise NotFound(f"There is no static file {name[:200]}.")
    return _answer(request, asset)


def _answer(request: Request, asset: Asset) -> Response:
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    body = asset.plain
    if asset.gzipped and "gzip" in request.headers.get("accept-encoding", ""):
        body = asset.gzipped
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type=asset.media_type, headers=headers)


def _paths() -> list[Path]:
    return sorted(path for path in STATIC.rglob("*") if path.is_file())


@cache
def _assets() -> dict[str, Asset]:
    found = {
        path.relative_to(STATIC).as_posix(): _asset(path.name, path.read_bytes())
        for path in _paths()
        if path.suffix != ".css"
    }
    return {**found, _STYLES: _asset(_STYLES, styles())}


def styles() -> bytes:
    """Return all style sheets as one: base.css, then the components by name."""
    paths = sorted((STATIC / "css").glob("*.css"), key=lambda path: (path.stem != "base", path))
    return b"\n".join(path.read_bytes() for path in paths)


def source(name: str) -> bytes:
    """Return a static file's content."""
    return _assets()[name].plain


def plotly_source() -> bytes:
    """Return Plotly.js itself."""
    return _plotly().plain


@cache
def _plotly() -> Asset:
    return _asset(_PLOTLY.name, _PLOTLY.read_bytes())


def _asset(name: str, plain: bytes) -> Asset:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    compressed = gzip.compress(plain, 6) if media_type.startswith(_COMPRESSIBLE) else None
    return Asset(media_type, plain, compressed)
