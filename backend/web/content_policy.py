"""Content security policies of the pages: which scripts and styles a browser may use.

No policy allows `unsafe-inline`. Plotly.js writes a few styles into the page. Each is allowed by
the digest of its text, so that a style written by anybody else stays forbidden.
"""

import base64
import hashlib
from collections.abc import Sequence

PLOTLY_STYLE_ELEMENTS = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='",
)
"""Digests of the style elements that Plotly.js adds.

An empty one, which it fills with rules by script, and one for maps, which is never used here.
"""

_CRISP = (
    "optimizeSpeed", "-moz-crisp-edges", "-o-crisp-edges", "-webkit-optimize-contrast",
    "optimize-contrast", "crisp-edges", "pixelated",
)  # fmt: skip
PLOTLY_STYLE_ATTRIBUTES = (
    "",  # of colour bars
    "".join(f"image-rendering: {value}; " for value in _CRISP),  # of heatmaps
    "font-weight:bold",  # of <b> in a label
    "font-size:70%",  # of exponents along a log axis
)

_PICTURES = "data: blob:"  # Plotly.js draws and saves pictures through both


def page_policy() -> str:
    """Return the policy of the pages that the service sends."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            *_styles("'self'"),
            f"img-src 'self' {_PICTURES}",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def file_policy(scripts: Sequence[str], style: str) -> str:
    """Return the policy of a page in a file, which runs only its own scripts and loads nothing."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(digest_source, scripts))}",
            *_styles(digest_source(style)),
            f"img-src {_PICTURES}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def digest_source(text: str) -> str:
    """Return the source expression that allows an inline script or style of exactly this text."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _styles(own: str) -> list[str]:
    attributes = " ".join(map(digest_source, PLOTLY_STYLE_ATTRIBUTES))
    return [
        f"style-src {own} {' '.join(PLOTLY_STYLE_ELEMENTS)}",
        f"style-src-attr 'unsafe-hashes' {attributes}",  # 'unsafe-hashes': digests of attributes
    ]
