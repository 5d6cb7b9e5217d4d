"""Waits until the service shows the messages of an outage, or hides them after it."""

import httpx

from tests.faults.deployment import Deployment
from tests.outage_messages import Messages
from tests.product import wait_for

REPORT_SECONDS = 30.0  # limit for reporting an outage, and its end


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
