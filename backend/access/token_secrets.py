"""Secrets of tokens and browser sessions: made, digested, and given an end."""

import hashlib
import re
import secrets

from backend.errors import InvalidInput

PREFIX = "lab_"  # lets scanners of repositories and logs recognise a token
SECRET_BYTES = 32
DAY_SECONDS = 86_400
MAX_DAYS = 3650
_DURATION = re.compile(r"([1-9][0-9]{0,5})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


def new_token() -> str:
    """Return the secret of a new token, with 256 random bits."""
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def new_cookie() -> str:
    """Return the secret of a new browser session, with 256 random bits."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret in hexadecimal, as the database stores it."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


def lifetime_seconds(text: str) -> float | None:
    """Return the seconds in a lifetime such as 12h, 30d or 8w; None for `never`.

    Raises InvalidInput.
    """
    if text == "never":
        return None
    match = _DURATION.fullmatch(text)
    hours = int(match[1]) * _HOURS[match[2]] if match else 0
    if not 0 < hours <= MAX_DAYS * 24:
        raise InvalidInput(
            f"expires ({text[:20]}) is not a lifetime; accepted: hours, days or weeks up to ten "
            "years, such as 12h, 30d or 8w, or never.",
            "expires",
        )
    return hours * 3600.0
