"""Requests to one server, and their outcomes in a form in which two servers can be compared."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from backend.runs.verdict_tags import first_reserved

API = "/api/2.0/mlflow/"
NO_TOKEN = "!!!!"  # of a page
BAD = 400  # the first status of errors
ARTIFACTS = "/api/2.0/mlflow-artifacts/"
UNORDERED = ("tags", "params", "dataset_inputs", "model_outputs", "model_inputs")
SERVER_TIMES = (
    "creation_time",
    "last_update_time",
    "creation_timestamp_ms",
    "last_updated_timestamp_ms",
)
URIS = ("artifact_uri", "artifact_location", "root_uri")
MIN_UNIQUE_CHARACTERS = 32  # of an id of a run or model; an experiment has a small number
MAX_CHARACTERS = 80  # of a recorded text
RANDOM_NAME = re.compile(r"[a-z]+-[a-z]+-\d+")


@dataclass(frozen=True)
class Outcome:
    """The status of a response, and its body without ids, times and texts of errors."""

    status: int
    body: object

    def agrees(self, ours: "Outcome | None") -> bool:
        """Return whether our outcome equals this one of MLflow.

        An error that MLflow's framework answers instead of MLflow has no code to compare.
        """
        framework = self.status >= BAD and self.body is None
        return self == ours or (framework and ours is not None and ours.status == self.status)


Http = Callable[..., httpx.Response]
"""Sends a request to a server: method, path, and the options of httpx."""


@dataclass
class Server:
    """One server under comparison. `outcomes` has one entry per recorded request, by its name."""

    http: Http
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    scenario: str = ""

    def send(
        self, what: str, method: str, path: str, *, prefix: str = API, **options: Any
    ) -> dict[str, Any]:
        """Send a request, record its outcome under a name, and return the JSON of the response."""
        response = self.http(method, prefix + path, **options)
        body = _json(response)
        name = f"{self.scenario}: {what}"
        if name in self.outcomes:
            raise ValueError(f"two outcomes are named {name!r}")
        self.outcomes[name] = Outcome(response.status_code, self._comparable(response, body))
        return body if isinstance(body, dict) else {}

    def post(self, what: str, path: str, body: object, **options: Any) -> dict[str, Any]:
        """Send a JSON body."""
        return self.send(what, "POST", path, json=body, **options)

    def get(
        self, what: str, path: str, params: Mapping[str, Any] | None = None, **options: Any
    ) -> dict[str, Any]:
        """Send query parameters."""
        return self.send(what, "GET", path, params=dict(params or {}), **options)

    def prepare(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Send a JSON body whose outcome is not recorded, but must be a success."""
        response = self.http("POST", API + path, json=dict(body))
        response.raise_for_status()
        result: dict[str, Any] = response.json()
        return result

    def experiment(self, name: str) -> str:
        """Create an experiment, and return its id."""
        id_ = str(self.prepare("experiments/create", {"name": name})["experiment_id"])
        return self.alias(id_, f"<experiment {name}>")

    def run(self, experiment_id: str, name: str, **fields: object) -> str:
        """Create a run that started at a fixed time, and return its id."""
        body = {"experiment_id": experiment_id, "run_name": name, "start_time": 1000, **fields}
        run = self.prepare("runs/create", body)["run"]
        return self.alias(run["info"]["run_id"], f"<run {name}>")

    def alias(self, id_: str, name: str) -> str:
        """Name an id that the server made, so that outcomes of two servers are equal."""
        self.aliases[id_] = name
        return id_

    def rename_ids(self, what: str, body: object) -> None:
        """Record an outcome again, whose response has introduced the id that it names."""
        name = f"{self.scenario}: {what}"
        if self.outcomes[name].status == 200:
            self.outcomes[name] = Outcome(200, self._plain(body))

    def _comparable(self, response: httpx.Response, body: object) -> object:
        if response.status_code >= BAD:
            return body.get("error_code") if isinstance(body, dict) else None
        return self._plain(body) if body is not None else response.text

    def _plain(self, value: object, name: str = "", parent: str = "") -> object:
        """Return a value without what differs between two servers by design."""
        if isinstance(value, dict):
            return {key: self._plain(entry, key, name) for key, entry in value.items()}
        if isinstance(value, list):
            entries = [self._plain(entry, name) for entry in value if not _is_verdict(name, entry)]
            return sorted(entries, key=str) if name in UNORDERED or parent == "data" else entries
        return self._scalar(value, name)

    def _scalar(self, value: object, name: str) -> object:
        if name in SERVER_TIMES:
            return "<time>" if isinstance(value, int) and value > 0 else value
        if not isinstance(value, str):
            return value
        if name in URIS:
            return "/".join(shortened(self.aliases.get(part, part)) for part in value.split("/"))
        if name == "next_page_token" and value:
            return "<token>"
        if name == "experiment_id" or len(value) >= MIN_UNIQUE_CHARACTERS:
            return shortened(self.aliases.get(value, value))
        return "<random name>" if RANDOM_NAME.fullmatch(value) else shortened(value)


def _is_verdict(name: str, entry: object) -> bool:
    """Return whether an entry of a list is a tag of an ended run that only our service sets."""
    return (
        name == "tags"
        and isinstance(entry, dict)
        and first_reserved([str(entry.get("key"))]) is not None
    )


def shortened(text: str) -> str:
    """Return a text, of which the number of characters stands for its end if it is long."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS]}... {len(text)} characters"


def _json(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None
