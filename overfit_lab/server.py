"""Requests to a server of Overfit Lab, through the tracking protocol of MLflow that it speaks."""

import http.client
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

TIMEOUT_SECONDS = 20
RETRIED = {408, 429, 500, 502, 503, 504}  # statuses after which the same request may succeed
MISSING, EXISTS = "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"  # error codes
API = "/api/2.0/mlflow/"
ID_TAG = "overfit_lab.id"  # finds a run whose creation was not answered

Json = dict[str, Any]
Point = tuple[str, float, int, int]
"""Metric, value, timestamp in milliseconds and step."""


class Unreachable(Exception):
    """No answer, or an answer with a status of RETRIED."""


class Refused(Exception):
    """An answer that will not change: its sentence and error code."""

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


def server_url(url: str | None) -> str:
    """Return the URL of the server: given, of LAB_SERVER or LAB_URL, or of this machine."""
    env = os.environ
    named = url or env.get("LAB_SERVER") or env.get("LAB_URL")
    found = named or f"http://127.0.0.1:{env.get('LAB_PORT') or 8000}"
    parts = urlsplit(found)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"server is {found!r}; accepted: a URL such as http://127.0.0.1:8000.")
    return found.rstrip("/")


class Server:
    """A connection to one server. It is used by one thread only."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        parts = urlsplit(url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        # without the proxies of the environment: the server is usually this machine
        self._connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        self._base = f"{parts.path}{API}"
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        """Close the connection; another request would open it again."""
        self._connection.close()

    def experiment(self, name: str) -> str:
        """Return the id of the experiment of this name, which is created if it is missing."""
        try:
            found = self._get("experiments/get-by-name", experiment_name=name)
            return str(found["experiment"]["experiment_id"])
        except Refused as error:
            if error.code != MISSING:
                raise
        try:
            return str(self._post("experiments/create", {"name": name})["experiment_id"])
        except Refused as error:
            if error.code != EXISTS:  # another client was faster
                raise
            return self.experiment(name)

    def create_run(
        self, experiment_id: str, name: str | None, start_ms: int, tags: Mapping[str, str]
    ) -> Json:
        """Create a run and return its info. A run with the same ID_TAG is returned instead."""
        wanted = f"tags.`{ID_TAG}` = '{tags[ID_TAG]}'"
        query = {"experiment_ids": [experiment_id], "filter": wanted, "max_results": 1}
        if runs := self._post("runs/search", query).get("runs"):
            return dict(runs[0]["info"])
        body = {"experiment_id": experiment_id, "start_time": start_ms, "tags": _pairs(tags)}
        return dict(
            self._post("runs/create", body | ({"run_name": name} if name else {}))["run"]["info"]
        )

    def log(
        self,
        run_id: str,
        points: Sequence[Point],
        params: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> None:
        """Add points, params and tags to a run. Sent twice, they are still logged once."""
        metrics = [
            {"key": key, "value": value if value - value == 0 else _json_name(value),
             "timestamp": timestamp, "step": step}
            for key, value, timestamp, step in points
        ]  # fmt: skip
        body = {"metrics": metrics, "params": _pairs(params), "tags": _pairs(tags)}
        self._post("runs/log-batch", {"run_id": run_id, **body})

    def end_run(self, run_id: str, status: str, end_ms: int) -> None:
        """Set the status of a run: FINISHED, FAILED or KILLED."""
        self._post("runs/update", {"run_id": run_id, "status": status, "end_time": end_ms})

    def _get(self, path: str, **query: str) -> Json:
        return self._call("GET", f"{path}?{urlencode(query, quote_via=quote)}", None)

    def _post(self, path: str, body: Json) -> Json:
        return self._call("POST", path, json.dumps(body).encode())

    def _call(self, method: str, path: str, body: bytes | None) -> Json:
        try:
            self._connection.request(method, self._base + path, body, self._headers)
            response = self._connection.getresponse()
            status, content = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unreachable(f"no server answers at {self.url}") from error
        return self._answer(status, content)

    def _answer(self, status: int, content: bytes) -> Json:
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if status in RETRIED:
            raise Unreachable(f"{self.url} returned {status}")
        if not isinstance(answer, dict):
            raise Refused(f"{self.url} returned {status}; is it an Overfit Lab server?")
        if status != http.client.OK:
            raise Refused(str(answer.get("message") or answer.get("detail") or status),
                          str(answer.get("error_code", "")))  # fmt: skip
        return answer


def _pairs(values: Mapping[str, str]) -> list[Json]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _json_name(value: float) -> str:
    """Return how protocol buffers write a number that is not finite."""
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
