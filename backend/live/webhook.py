"""The webhook of the operator: it receives each verdict of an external run that turned.

The body is JSON, see `docs/tracking.md`. Sending happens in a thread, because a slow receiver must
not delay requests. A message is tried a few times, then dropped: the receiver is a convenience, the
verdict itself is in the database.
"""

import logging
import queue
import threading
from collections.abc import Iterable
from contextlib import suppress

import httpx

from backend.errors import NotFound
from backend.runs.items import run_detail
from backend.specification.params import JsonObject
from backend.store import UNREACHABLE, Database, experiments
from backend.store.engine import VerdictTurn

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5.0
PAUSES_SECONDS = (1.0, 5.0, 25.0)  # before each further attempt
MAX_WAITING = 1000  # messages; newer ones are dropped


class Webhook:
    """Sends turned verdicts to one URL. Redirects are not followed."""

    def __init__(
        self, url: str, database: Database, *, pauses: tuple[float, ...] = PAUSES_SECONDS
    ) -> None:
        self._url, self._database, self._pauses = url, database, pauses
        self._waiting: queue.Queue[VerdictTurn | None] = queue.Queue(MAX_WAITING)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    def send(self, turns: Iterable[VerdictTurn]) -> None:
        """Queue messages, and return at once."""
        for turn in turns:
            try:
                self._waiting.put_nowait(turn)
            except queue.Full:
                logger.warning("webhook: too many messages wait; one is dropped")

    def stop(self) -> None:
        """Stop the thread; messages that still wait are dropped."""
        self._stopping.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(2 * TIMEOUT_SECONDS)

    def _run(self) -> None:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            while not self._stopping.is_set():
                turn = self._waiting.get()
                if turn is None:
                    return
                try:
                    self._deliver(client, turn)
                except Exception:
                    logger.exception("webhook: a message could not be sent")

    def _deliver(self, client: httpx.Client, turn: VerdictTurn) -> None:
        try:
            message = self._message(turn)
        except (NotFound, *UNREACHABLE):
            return
        for pause in (*self._pauses, None):
            problem = _post(client, self._url, message)
            if problem is None:
                return
            if pause is None or self._stopping.wait(pause):
                logger.warning("webhook: %s; the message is dropped", problem)
                return

    def _message(self, turn: VerdictTurn) -> JsonObject:
        """Return the body. Raises NotFound for a run that was removed."""
        with self._database.read() as session:
            run = run_detail(session, turn.run_id)
            experiment = experiments.get(session, run.experiment_id)
        return {
            "event": "verdict",
            "verdict": turn.verdict,
            "previous": turn.previous,
            "kind": run.kind,
            "severity": run.severity,
            "rule": run.rule,
            "sentence": run.diagnosis.get("sentence"),
            "best_epoch": run.best_epoch,
            "early_stop_epoch": run.early_stop_epoch,
            "run": {
                "id": run.id,
                "external_id": run.external_id,
                "name": run.run_name,
                "status": run.status,
                "url": run.url,
            },
            "experiment": {"id": experiment.id, "name": experiment.name},
        }


def _post(client: httpx.Client, url: str, message: JsonObject) -> str | None:
    """Send a message; return why it failed, None if it was accepted."""
    try:
        response = client.post(url, json=message)
    except httpx.HTTPError as error:
        return f"the receiver does not answer ({type(error).__name__})"
    return None if response.is_success else f"the receiver answered {response.status_code}"
