"""Starts and keeps alive what `lab up` runs: broker, web service, workers."""

from backend.supervisor.run import run

__all__ = ["run"]
