"""Load generator: sends ready-made requests over some connections, each after the last answer.

It parses no more of an answer than its status and length, so that the server is what is measured.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bench.tracking_servers import TrackingServer

API = "/api/2.0/mlflow"
METRICS = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "learning_rate")
HOST = "127.0.0.1"


def post(server: TrackingServer, path: str, **body: Any) -> Any:
    """Send one request and return its answer."""
    return json.loads(send(server, [request(path, body)], connections=1).answers[0])


def create_experiment(server: TrackingServer) -> str:
    """Return the id of a new experiment."""
    return str(post(server, "experiments/create", name=f"load {time.time_ns()}")["experiment_id"])


def create_runs(server: TrackingServer, experiment_id: str, count: int) -> list[str]:
    """Return the ids of new runs."""
    body = {"experiment_id": experiment_id, "start_time": int(time.time() * 1000)}
    sent = send(server, [request("runs/create", body)] * count, connections=min(count, 8))
    return [json.loads(answer)["run"]["info"]["run_id"] for answer in sent.answers]


def points(count: int) -> list[dict[str, Any]]:
    """Return points of a few metrics over steps, as a training logs them."""
    now = int(time.time() * 1000)
    rows = ((number // len(METRICS), METRICS[number % len(METRICS)]) for number in range(count))
    return [
        {"key": key, "value": 1 / (step + 1.37), "timestamp": now + step, "step": step}
        for step, key in rows
    ]


def batches(run_id: str, count: int, size: int) -> list[bytes]:
    """Return requests that log `count` points of a run, `size` at a time."""
    logged = points(count)
    return [
        request("runs/log-batch", {"run_id": run_id, "metrics": logged[start : start + size]})
        for start in range(0, count, size)
    ]


def request(path: str, body: Any) -> bytes:
    """Return a request in the bytes to send."""
    content = json.dumps(body).encode()
    head = (
        f"POST {API}/{path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


@dataclass(frozen=True)
class Sent:
    """The seconds that some requests took in all, and the bodies of their answers in order."""

    seconds: float
    answers: list[bytes]


def send(server: TrackingServer, requests: Sequence[bytes], *, connections: int) -> Sent:
    """Send requests over some connections; those of a connection follow each other."""
    port = urlsplit(server.url).port or 80

    async def send_all() -> Sent:
        opened = [await asyncio.open_connection(HOST, port) for _ in range(connections)]
        left = iter(enumerate(requests))
        answers = [b""] * len(requests)
        begun = time.perf_counter()
        await asyncio.gather(*(_send_what_is_left(*pair, left, answers) for pair in opened))
        seconds = time.perf_counter() - begun
        for _, writer in opened:
            writer.close()
        return Sent(seconds, answers)

    return asyncio.run(send_all())


async def _send_what_is_left(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    left: Iterator[tuple[int, bytes]],
    answers: list[bytes],
) -> None:
    for number, content in left:
        writer.write(content)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].split(b"\r\n")[0]
        answers[number] = await reader.readexactly(int(length))
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"{head[:40]!r}: {answers[number][:300]!r}")
