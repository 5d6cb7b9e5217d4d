"""Messages that the service shows while a part is unreachable, and hides once it is back."""

from collections.abc import Mapping

import httpx

from tests.faults.deployment import Deployment
from tests.product import wait_for

REPORT_SECONDS = 30.0  # limit for reporting an outage, and its end

Messages = Mapping[str, str]  # message by the path that shows it

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
    "/readyz": "the database is read-only",
    "/api/health": '"read_only":true',
    "/health": "The database takes no writes: what is trained waits until it does.",
}
DISK_FULL = {
    "/readyz": "the disk of the data folder is full",
    "/api/health": '"disk_full":true',
    "/health": "The disk is full: nothing can be recorded until there is room.",
}


def waiting_for_broker(experiment: int) -> Messages:
    """Return the message of an experiment with queued runs while the broker is unreachable."""
    sentence = "The broker cannot be reached: what waits is sent once it can."
    return {f"/experiments/{experiment}": sentence}


def wait_until_reported(deployment: Deployment, messages: Messages) -> None:
    """Wait until every page shows its message. Raises AssertionError if one does not."""
    for path, sentence in messages.items():
        _await(deployment, path, sentence, shown=True)


def wait_until_recovered(deployment: Deployment, messages: Messages) -> None:
    """Wait until the service is ready and no page shows its message any more."""
    _await(deployment, "/readyz", '"status":"ready"', shown=True)
    for path, sentence in messages.items():
        _await(deployment, path, sentence, shown=False)


def _await(deployment: Deployment, path: str, sentence: str, *, shown: bool) -> None:
    def explain() -> str:
        problem = "does not show" if shown else "still shows"
        text = fetch_text(deployment, path)[:500]
        return f"{path} {problem} {sentence!r}: {text}\n{deployment.recent_logs()}"

    wait_for(lambda: (sentence in fetch_text(deployment, path)) is shown, explain, REPORT_SECONDS)


def fetch_text(deployment: Deployment, path: str) -> str:
    """Return the text of a page as a browser gets it, errors included; "" without a response."""
    accept = "application/json" if path.startswith(("/api/", "/readyz")) else "text/html"
    try:
        response = httpx.get(
            deployment.url + path, headers={"Accept": accept}, timeout=REPORT_SECONDS
        )
    except httpx.TransportError:
        return ""
    return response.text
