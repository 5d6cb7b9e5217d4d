"""What the service says of itself while a part is away, and no longer says once it is back."""

from collections.abc import Mapping

import httpx

from tests.faults.stand import Stand
from tests.product import wait_for

HEARD_SECONDS = 30.0  # within which an outage is told, and its end

Said = Mapping[str, str]  # what stands on which page

BROKER_AWAY = {
    "/readyz": "the broker does not answer",
    "/api/health": '"broker":false',
    "/health": "The broker does not answer: runs wait in the database until it does.",
}
DATABASE_AWAY = {
    "/readyz": "the database does not answer",
    "/api/health": "The database cannot be reached; try again.",
    "/health": "The database cannot be reached; try again.",
}
READ_ONLY = {
    "/readyz": "the database can be read, and takes no writes",
    "/api/health": '"read_only":true',
    "/health": "The database takes no writes: what is trained waits until it does.",
}
DISK_FULL = {
    "/readyz": "the disk of the data folder is full",
    "/api/health": '"disk_full":true',
    "/health": "The disk is full: nothing can be recorded until there is room.",
}


def waiting_for_broker(experiment: int) -> Said:
    """Return what the page of an experiment with waiting runs says while the broker is away."""
    sentence = "The broker cannot be reached: what waits is sent once it can."
    return {f"/experiments/{experiment}": sentence}


def tells(stand: Stand, said: Said) -> None:
    """Wait until every page says so. Raises AssertionError with the first that never does."""
    for path, sentence in said.items():
        _await(stand, path, sentence, told=True)


def is_well(stand: Stand, said: Said) -> None:
    """Wait until the service is ready and no page says so any more."""
    _await(stand, "/readyz", '"status":"ready"', told=True)
    for path, sentence in said.items():
        _await(stand, path, sentence, told=False)


def _await(stand: Stand, path: str, sentence: str, *, told: bool) -> None:
    def explain() -> str:
        never = "never" if told else "always"
        return f"{path} {never} says {sentence!r}: {page(stand, path)[:500]}\n{stand.said()}"

    wait_for(lambda: (sentence in page(stand, path)) is told, explain, HEARD_SECONDS)


def page(stand: Stand, path: str) -> str:
    """Return what a browser is shown, errors included; nothing where there is no answer."""
    accept = "application/json" if path.startswith(("/api/", "/readyz")) else "text/html"
    try:
        answer = httpx.get(stand.url + path, headers={"Accept": accept}, timeout=HEARD_SECONDS)
    except httpx.TransportError:
        return ""
    return answer.text
