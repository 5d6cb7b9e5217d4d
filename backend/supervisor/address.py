"""Where the running product is reached, and by whom."""

import http.client

from backend.settings import Settings

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def reachable(host: str) -> str:
    """Return the address at which this machine reaches what listens on `host`."""
    return _ANY.get(host, host)


def is_local(settings: Settings) -> bool:
    """Whether only this machine reaches the service."""
    return settings.host in ("127.0.0.1", "::1", "localhost")


def url(settings: Settings) -> str:
    """Return the address of the first page."""
    if settings.url:
        return settings.url.rstrip("/")
    host = reachable(settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def link(settings: Settings) -> str:
    """Return what a person opens: the address, with the token where one is asked for."""
    token = settings.token
    return f"{url(settings)}/?token={token.get_secret_value()}" if token else url(settings)


def answers(settings: Settings) -> bool:
    """Whether the web service answers."""
    connection = http.client.HTTPConnection(reachable(settings.host), settings.port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def advice(settings: Settings) -> str:
    """Return what to do next, once the product is ready."""
    lines = [
        "Open it in a browser, or hand it a specification: ./lab submit SPEC --wait",
        f"Data and logs are in {settings.data_dir.resolve()}. Ctrl-C stops everything.",
    ]
    if settings.token:
        lines.append("The address opens the lab to whoever has it; LAB_TOKEN=... for ./lab submit.")
    return "\n".join(lines)
