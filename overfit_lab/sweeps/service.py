"""The requests of sweeps and agents to a server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from overfit_lab.connection import Connection, Json, Refused

TIMEOUT_SECONDS = 10  # less than a lease
CONFLICT = 409


@dataclass(frozen=True)
class Grant:
    """A run that the agent may start: its values, and the id under which its program logs."""

    run_id: int
    experiment_id: int
    attempt: int
    external_id: str
    params: Mapping[str, str]
    options: Mapping[str, str]


@dataclass(frozen=True)
class Held:
    """A run that the agent still holds, and the reasons to stop it."""

    run_id: int
    cancel: bool
    stop: str | None
    logged: int


@dataclass(frozen=True)
class Wanted:
    """The runs that an agent claims: of an experiment, and of a command."""

    experiment: int | None
    command_digest: str | None


class Service:
    """A server, as an agent uses it. Its calls raise Unreachable and Refused."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url, self.token = url, token
        self.agent = f"{uuid4().hex}"
        self.lease_seconds = 30.0
        self._connection = Connection(url, token, timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def create(self, body: Json, key: str) -> Json:
        """Create a sweep. Repeated with the same key, the request creates it once."""
        return self._connection.call("POST", "/api/sweeps", body, Idempotency_Key=key)

    def experiment(self, experiment_id: int) -> Json:
        """Return an experiment with the counts of its runs."""
        return self._connection.call("GET", f"/api/experiments/{experiment_id}")

    def claim(
        self, wanted: Wanted, slots: int, holding: Sequence[int]
    ) -> tuple[list[Grant], int | None]:
        """Claim runs; return them, and how many of the experiment have not ended."""
        body = {"agent": self.agent, "slots": slots, "holding": list(holding), **vars(wanted)}
        answer = self._connection.call("POST", "/api/agents/claim", body)
        self.lease_seconds = float(answer["lease_seconds"])
        return [Grant(**run) for run in answer["runs"]], answer["unended"]

    def heartbeat(self, runs: Sequence[Json]) -> dict[int, Held]:
        """Report that runs are alive; return those that the agent still holds."""
        body = {"agent": self.agent, "runs": list(runs)}
        answer = self._connection.call("POST", "/api/agents/heartbeat", body)
        return {run["run_id"]: Held(**run) for run in answer["runs"]}

    def report(self, run: Json, **ending: object) -> bool:
        """Report the end of an attempt; return False if the agent had lost the run."""
        try:
            body = {"agent": self.agent, "run": run, **ending}
            self._connection.call("POST", "/api/agents/report", body)
        except Refused as error:
            if error.status != CONFLICT:
                raise
            return False
        return True

    def store_reading(self, run: Json, series: Json) -> bool:
        """Store metrics that were read in the output; return False if the program logs itself."""
        body = {"agent": self.agent, "run": run, "series": series}
        return bool(self._connection.call("POST", "/api/agents/reading", body)["stored"])
