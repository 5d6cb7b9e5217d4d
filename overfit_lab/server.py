"""Requests to a server of Overfit Lab, through the tracking protocol of MLflow that it speaks."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from overfit_lab.connection import Connection, Json, Refused

MISSING, EXISTS = "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"  # error codes
API = "/api/2.0/mlflow/"
ID_TAG = "overfit_lab.id"  # finds a run whose creation was not answered

Point = tuple[str, float, int, int]
"""Metric, value, timestamp in milliseconds and step."""


class Server:
    """The requests of one run to one server. It is used by one thread only."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self._connection = Connection(url, token)

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

    def run(self, run_id: str) -> Json:
        """Return the info of a run."""
        return dict(self._get("runs/get", run_id=run_id)["run"]["info"])

    def _get(self, path: str, **query: str) -> Json:
        return self._connection.call("GET", f"{API}{path}?{urlencode(query, quote_via=quote)}")

    def _post(self, path: str, body: Json) -> Json:
        return self._connection.call("POST", f"{API}{path}", body)


def _pairs(values: Mapping[str, str]) -> list[Json]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _json_name(value: float) -> str:
    """Return how protocol buffers write a number that is not finite."""
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
