"""URLs of the running service."""

import http.client

from backend.settings import Settings

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def reachable_host(host: str) -> str:
    """Return the host name under which this machine reaches a server listening on `host`."""
    return _ANY.get(host, host)


def public_url(settings: Settings) -> str:
    """Return the URL of the home page."""
    if settings.url:
        return settings.url.rstrip("/")
    host = reachable_host(settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def url_with_token(settings: Settings) -> str:
    """Return the URL of the home page, including the token if one is required."""
    token = settings.token
    return (
        f"{public_url(settings)}/?token={token.get_secret_value()}"
        if token
        else public_url(settings)
    )


def web_answers(settings: Settings) -> bool:
    """Return whether the web service answers."""
    connection = http.client.HTTPConnection(reachable_host(settings.host), settings.port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def advice(settings: Settings) -> str:
    """Return what the user can do once the service is ready."""
    lines = [
        "Open it in a browser, or submit a specification: ./lab submit SPEC --wait",
        f"Data and logs are in {settings.data_dir.resolve()}. Ctrl-C stops everything.",
    ]
    if settings.token:
        lines.append("Everyone who has this URL can use the lab. Set LAB_TOKEN for ./lab submit.")
    return "\n".join(lines)
