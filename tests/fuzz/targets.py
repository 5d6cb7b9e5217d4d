"""The targets: each reads one input as the product does, and refuses bad ones in its own way."""

import json
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import yaml
from starlette.datastructures import Headers

from backend.diagnosis import Curve, diagnose
from backend.errors import LabError
from backend.log_formats import find_losses, read_log
from backend.log_formats.history import Unreadable
from backend.mlflow.app import ENDPOINTS
from backend.mlflow.requests import read_body
from backend.mlflow.service import Service
from backend.search import parse, parse_order
from backend.specification import validate
from backend.specification.parsing import parse_json, parse_yaml
from backend.specification.presets import PRESETS
from backend.store import Database
from backend.store.schema import migrate
from backend.tracking.file_store import FileStore
from backend.tracking.writer import LogWriter
from tests.filter_oracle import NAMES

ROOT = Path(__file__).parents[2]
MAX_RUNS = 100  # expanding more takes longer, but not in another way
Read = Callable[[bytes], object]
"""Reads one input. It may refuse the input, but nothing else may be raised."""


@dataclass(frozen=True)
class Target:
    """Valid inputs to start from, and a context manager that opens the reader."""

    examples: Sequence[bytes]
    open: Callable[[], AbstractContextManager[Read]]


@contextmanager
def _specification() -> Iterator[Read]:
    """Read as JSON or as YAML; the input chooses, as the content type does."""

    def read(data: bytes) -> None:
        parse_document = (parse_json, parse_yaml)[zlib.crc32(data) % 2]
        with suppress(LabError):
            validate(parse_document(data), max_runs=MAX_RUNS)

    yield read


@contextmanager
def _filter() -> Iterator[Read]:
    def read(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        for parse_text in (parse, parse_order):
            with suppress(LabError):
                str(parse_text(text, NAMES))

    yield read


@contextmanager
def _logs() -> Iterator[Read]:
    """Read from standard input, because files would take most of the time."""
    console = sys.stdin

    def read(data: bytes) -> None:
        sys.stdin = TextIOWrapper(BytesIO(data))
        with suppress(Unreadable):
            for history in read_log("-"):
                with suppress(Unreadable):
                    pair = find_losses(history)
                    diagnose(Curve.from_series(pair.train, pair.validation))

    try:
        yield read
    finally:
        sys.stdin = console


@contextmanager
def _mlflow() -> Iterator[Read]:
    """Every endpoint that answers in a thread, on a real database; the input chooses it."""
    endpoints = [endpoint for endpoint in ENDPOINTS if endpoint.answer and "{" not in endpoint.path]
    headers = Headers({"content-type": "application/json"})
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/lab.db")
        migrate(database)
        writer = LogWriter(database)
        service = Service(database, writer, FileStore(Path(folder, "artifacts")), deleted_days=1)

        def read(data: bytes) -> None:
            endpoint = endpoints[zlib.crc32(data) % len(endpoints)]
            with suppress(LabError):
                body = read_body(data, headers, endpoint.body)
                assert endpoint.answer is not None
                msgspec.json.encode(endpoint.answer(service, body))

        yield read
        writer.stop()
        database.dispose()


SPECIFICATIONS = [path.read_bytes() for path in sorted((ROOT / "examples").glob("*.yaml"))]
SPECIFICATIONS += [yaml.safe_dump(preset.document).encode() for preset in PRESETS.values()]
SPECIFICATIONS += [json.dumps(yaml.safe_load(text)).encode() for text in SPECIFICATIONS]
FILTERS = [
    b"metrics.val_loss < 0.3 and params.width = 32 and verdict = overfitting",
    b"not (id in (1, 2, 3) or tags.a != 'x y') and epoch >= 1e2",
    b"metrics.val_loss.best > -1 order by started desc",
]
LOGS = [
    b"epoch,loss,val_loss\n1,1.0,1.1\n2,0.5,0.9\n3,0.2,1.2\n4,0.1,1.5\n",
    b'{"loss": [1.0, 0.5, 0.2], "val_loss": [1.1, 0.9, 1.2], "epoch": [1, 2, 3]}',
    b'{"epoch": 1, "loss": 1.0}\n{"epoch": 1, "eval_loss": 1.1}\n{"epoch": 2, "loss": 0.5}\n',
    b'{"log_history": [{"step": 5, "loss": 1.0}, {"step": 5, "eval_loss": 1.2}]}',
    *(path.read_bytes()[:2000] for path in sorted((ROOT / "tests/data/events").rglob("*.v2"))),
]
BODIES = [
    b'{"name": "a", "tags": [{"key": "k", "value": "v"}], "experiment_id": "1", "start_time": 1}',
    b'{"experiment_ids": ["0", "1"], "filter": "metrics.loss < 1 and tags.`a b` LIKE \'x%\'", '
    b'"order_by": ["metrics.loss DESC"], "max_results": 5, "run_view_type": "ALL"}',
    b'{"run_id": "0", "run_uuid": "0", "metrics": [{"key": "m", "value": "NaN", "timestamp": 1, '
    b'"step": "2"}], "params": [{"key": "p", "value": "1"}], "status": "FINISHED"}',
    b'{"experiment_name": "a", "new_name": "b", "page_token": "MTA=", "lifecycle_stage": "active"}',
]

TARGETS = {
    "specification": Target(SPECIFICATIONS, _specification),
    "filter": Target(FILTERS, _filter),
    "logs": Target(LOGS, _logs),
    "mlflow": Target(BODIES, _mlflow),
}
