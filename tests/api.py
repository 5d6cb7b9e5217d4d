"""In-process client of the REST API.

`Api` sends requests to an app without a server, lifespan or socket, and submits experiments.
`record_epochs` writes epochs as a worker would.
"""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI

from backend.store import Database, changes, experiments, metrics

SPEC = {"dataset": {"source": "points"}, "model": {"degree": [1, 6]}, "training": {"epochs": 3}}


class Api:
    """The REST interface of one app."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.database: Database = app.state.database

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
                return await http.request(method, path, **options)

        return asyncio.run(send())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def submit(self, **fields: Any) -> int:
        response = self.post("/api/experiments", json={**SPEC, **fields})
        assert response.status_code == 201, response.text
        return int(response.json()["id"])

    def run_ids(self, experiment_id: int) -> list[int]:
        items = self.get(f"/api/experiments/{experiment_id}/runs").json()["items"]
        return [item["id"] for item in items]

    def count_experiments(self) -> int:
        with self.database.read() as session:
            return len(experiments.page(session).items)


def record_epochs(
    database: Database, experiment_id: int, run_id: int, steps: range, key: str = "val_loss"
) -> None:
    """Record epochs in one transaction, as a worker does. The value at a step is the step."""
    with database.write() as session:
        points = [metrics.Point(run_id, key, step, float(step), 0) for step in steps]
        metrics.record(session, points)
        change = changes.NewChange(run_id, "metric", steps[0], steps[-1])
        changes.log(session, experiment_id, [change])
