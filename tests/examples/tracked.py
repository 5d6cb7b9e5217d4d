"""The runs of an experiment, read by the tracking protocol."""

from typing import Any

import httpx

from backend.pairing import LoggedPoints, Pairing, pair_losses

Json = dict[str, Any]


class Tracked:
    """Runs that clients logged to a server."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/api/2.0/mlflow", timeout=30)

    def runs(self, experiment: str) -> list[Json]:
        """Return the runs of an experiment, the newest first; none if it does not exist."""
        found = self._client.get("experiments/get-by-name", params={"experiment_name": experiment})
        if found.status_code == httpx.codes.NOT_FOUND:
            return []
        ids = [found.raise_for_status().json()["experiment"]["experiment_id"]]
        answer = self._client.post("runs/search", json={"experiment_ids": ids})
        return list(answer.raise_for_status().json().get("runs", []))

    def pairing(self, run: Json) -> Pairing:
        """Return the losses of a run."""
        data = run["data"]
        points = {m["key"]: self._points(run, m["key"]) for m in data.get("metrics", [])}
        params = {param["key"]: param["value"] for param in data.get("params", [])}
        return pair_losses(points, params=params)

    def _points(self, run: Json, key: str) -> LoggedPoints:
        query = {"run_id": run["info"]["run_id"], "metric_key": key, "max_results": 25_000}
        answer = self._client.get("metrics/get-history", params=query).raise_for_status()
        rows = answer.json()["metrics"]
        columns = ([float(row[name]) for row in rows] for name in ("step", "value", "timestamp"))
        return LoggedPoints.of(*columns)
