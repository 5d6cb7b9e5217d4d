"""Worker status as workers announce it: `worker_status`."""

from typing import Any

from backend.scheduling.worker_registry import Worker


def worker_status(**facts: Any) -> Worker:
    """Return the status of a worker; `facts` replace the usual values."""
    usual = {
        "name": f"lab:{facts.get('pid', 7)}",
        "host": "lab",
        "pid": 7,
        "device": "cpu",
        "hardware": "CPU, 1 thread",
        "memory": 1024,
        "torch": "2.13.0",
        "started_at": "2026-11-23T12:00:00+00:00",
    }
    return Worker.model_validate(usual | facts)
