"""A server of the few tracking requests that overfit_lab sends, which fails on demand."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


@dataclass
class TrackingServer:
    """The requests that a server received, and the failures that it still has to make.

    Each of `failures` is the status of the next answers, or "lost": the request is handled, and the
    connection is closed without an answer.
    """

    failures: list[int | str] = field(default_factory=list)
    metrics: dict[tuple[str, int], float | str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    runs: list[Json] = field(default_factory=list)
    batch_sizes: list[int] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    url: str = ""

    def answer(self, path: str, body: Json) -> tuple[int, Json]:
        """Handle one request."""
        if path == "experiments/get-by-name":
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "It is missing."}
        if path == "experiments/create":
            return 200, {"experiment_id": "7"}
        if path == "runs/search":
            return 200, {"runs": self.runs}
        if path == "runs/get":
            self.runs.append({"info": {"run_id": "planned", "experiment_id": "7"}})
            return 200, {"run": self.runs[-1]}
        if path == "runs/create":
            info = {"run_id": f"r{len(self.runs)}", "run_name": body.get("run_name", "quick-fox")}
            self.runs.append({"info": info})
            return 200, {"run": {"info": info}}
        if path == "runs/update":
            self.runs[-1]["info"]["status"] = body["status"]
            return 200, {}
        if any(metric["key"] == "refused" for metric in body["metrics"]):
            return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "It is refused."}
        self.batch_sizes.append(len(body["metrics"]))
        self.metrics |= {(m["key"], m["step"]): m["value"] for m in body["metrics"]}
        self.params |= {param["key"]: param["value"] for param in body["params"]}
        self.tags |= {tag["key"]: tag["value"] for tag in body["tags"]}
        return 200, {}


@contextmanager
def tracking_server(*failures: int | str) -> Iterator[TrackingServer]:
    """Serve on a free port of this machine."""
    tracked = TrackingServer(list(failures))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            tracked.tokens.add(self.headers["Authorization"])
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or "{}")
            path = self.path.partition("/api/2.0/mlflow/")[2].partition("?")[0]
            failure = tracked.failures.pop(0) if tracked.failures else None
            if isinstance(failure, int):
                self._send(failure, {"message": "It fails."})
                return
            status, answer = tracked.answer(path, body)
            if failure == "lost":
                self.close_connection = True
            else:
                self._send(status, answer)

        def _send(self, status: int, answer: Json) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        tracked.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield tracked
        server.shutdown()
        thread.join()
