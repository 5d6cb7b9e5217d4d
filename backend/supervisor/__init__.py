"""Supervisor of `lab up`: starts the broker, the web process and the workers, restarts them."""

from backend.supervisor.run import run

__all__ = ["run"]
