"""Static files and Plotly.js, served from memory under URLs that change with their content."""

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import plotly
from fastapi import APIRouter, Request, Response
from markupsafe import Markup
from plotly.offline import get_plotlyjs_version

from backend.errors import NotFound

STATIC = Path(__file__).parent / "static"
_PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
_COMPRESSIBLE = ("text/", "image/svg")
_STYLES = "lab.css"  # all style sheets of css/, joined into one file

_IMPORT = re.compile(r'^(?:import|export)\b[^"]*"\./([\w.]+)";', re.MULTILINE)

router = APIRouter()


@dataclass(frozen=True)
class Asset:
    """A file to send. `gzipped` is None for types that compression does not make smaller."""

    media_type: str
    plain: bytes
    gzipped: bytes | None


@cache
def version() -> str:
    """Return the digest of all static files. As part of their URLs, it lets browsers cache them."""
    digest = hashlib.sha256()
    for path in _paths():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def static_url(name: str) -> str:
    """Return the URL of a static file."""
    return f"/static/{version()}/{name}"


@cache
def module_script(name: str) -> Markup:
    """Return the tags that load a JavaScript module.

    The modules it imports are preloaded: otherwise the browser finds each level of imports only
    after it has fetched the level before.
    """
    preload = Markup('<link rel="modulepreload" href="{}">\n')
    links = [preload.format(static_url(path)) for path in imported_modules(name)]
    script = Markup('<script type="module" src="{}"></script>').format(static_url(name))
    return Markup("").join([*links, script])


def imported_modules(name: str) -> list[str]:
    """Return the modules that a JavaScript module imports, directly or indirectly."""
    modules: dict[str, None] = {}
    pending = [name]
    while pending:
        for imported in _IMPORT.findall(source(pending.pop()).decode()):
            path = f"js/{imported}"
            if path not in modules and path != name:
                modules[path] = None
                pending.append(path)
    return list(modules)


def plotly_url() -> str:
    """Return the URL of the Plotly.js that comes with the plotly package."""
    return f"/static/plotly-{get_plotlyjs_version()}.min.js"


@router.get(plotly_url())
def plotly_js(request: Request) -> Response:
    """Serve Plotly.js."""
    return _response(request, _plotly())


@router.get("/static/{_version}/{name:path}")
def static_file(request: Request, name: str) -> Response:
    """Serve a static file. The name is looked up among the loaded files, never opened as a path.

    Raises NotFound.
    """
    asset = _assets().get(name)
    if asset is None:
        raise NotFound(f"There is no static file {name[:200]}.")
    return _response(request, asset)


def _response(request: Request, asset: Asset) -> Response:
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
    files = {
        path.relative_to(STATIC).as_posix(): _asset(path.name, path.read_bytes())
        for path in _paths()
        if path.suffix != ".css"
    }
    return {**files, _STYLES: _asset(_STYLES, styles())}


def styles() -> bytes:
    """Return all style sheets joined: base.css first, then the others by name."""
    paths = sorted((STATIC / "css").glob("*.css"), key=lambda path: (path.stem != "base", path))
    return b"\n".join(path.read_bytes() for path in paths)


def source(name: str) -> bytes:
    """Return the content of a static file."""
    return _assets()[name].plain


def plotly_source() -> bytes:
    """Return the source of Plotly.js."""
    return _plotly().plain


@cache
def _plotly() -> Asset:
    return _asset(_PLOTLY.name, _PLOTLY.read_bytes())


def _asset(name: str, plain: bytes) -> Asset:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    compressed = gzip.compress(plain, 6) if media_type.startswith(_COMPRESSIBLE) else None
    return Asset(media_type, plain, compressed)
