"""Every setting, declared once. Each is read from the environment as LAB_<NAME>."""

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MEMORY_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # cgroup v2 and v1
TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,}")


def _default_workers() -> int:
    """One core stays free for the web process; more than 4 helps few machines."""
    return max(1, min(4, (os.cpu_count() or 1) - 1))


def default_memory(workers: int, cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return a worker's share of half of the machine's memory, or of the container's if less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in (cgroup / name for name in MEMORY_LIMITS):
        given = limit.read_text().strip() if limit.exists() else ""
        total = min(total, int(given)) if given.isdigit() else total
    return max(64, (total >> 20) // 2 // max(1, workers))


class Settings(BaseSettings):
    """The service's settings; the command line's flags override the environment."""

    model_config = SettingsConfigDict(
        env_prefix="LAB_",
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        secrets_dir=os.environ.get("LAB_SECRETS_DIR") or None,  # files named as the variables
    )

    host: str = Field("127.0.0.1", description="Address the web service listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port the web service listens on.")
    data_dir: Path = Field(Path("data"), description="Folder of the database, broker and logs.")
    database: str | None = Field(
        None, description="SQLAlchemy URL; by default SQLite in the data folder."
    )
    broker: str | None = Field(
        None, description="Redis-protocol URL; by default an embedded Valkey in the data folder."
    )
    device: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="What workers train on; auto takes a GPU if there is one."
    )
    workers: int = Field(
        default_factory=_default_workers, ge=0, le=256, description="Worker processes to start."
    )
    memory: int = Field(
        default_factory=lambda known: default_memory(known["workers"]),
        ge=1,
        description="Mebibytes that one worker's training may take; a GPU's memory is asked for.",
    )
    token: SecretStr | None = Field(
        None,
        description="What a browser or program must show: 16 letters, digits or -._~+/= or more. "
        "Without one the service is open; on an address other machines reach, `lab up` makes one.",
    )
    secrets_dir: Path | None = Field(
        None,
        description="Folder whose files hold settings that are secret, named lab_token, "
        "lab_database and lab_broker; the environment overrides them.",
    )
    url: str | None = Field(
        None,
        description="Address people open, where it is not that of LAB_HOST and LAB_PORT: of a "
        "container or behind a proxy.",
    )
    allowed_hosts: list[str] = Field(
        default_factory=list,
        description="Host names answered besides localhost, 127.0.0.1, [::1] and those of "
        'LAB_HOST and LAB_URL, as a JSON list: ["lab.example"].',
    )
    lease_seconds: float = Field(
        10, gt=0, description="A worker silent for this long loses its runs to another."
    )
    record_seconds: float = Field(
        0.2,
        gt=0,
        description="Time trained epochs wait before they are written; up to five times as long "
        "where writing takes more than a twentieth of the time.",
    )
    checkpoint_seconds: float = Field(
        2,
        gt=0,
        description="Longest training time lost when a worker is killed; in large groups longer, "
        "as checkpoints take a hundredth of the time at most (of 256 runs: about 45 s).",
    )
    deleted_days: float = Field(
        30, ge=0, le=36_500, description="Days after which what was deleted is removed for good."
    )
    log: Literal["text", "json"] = Field(
        "text", description="How log lines are written: for people, or one JSON object a line."
    )
    max_runs: int = Field(10_000, ge=1, description="Largest grid one experiment may have.")
    max_streams: int = Field(
        1000, ge=1, description="Live streams one web process serves at once; more are refused."
    )
    max_body_bytes: int = Field(1 << 20, ge=1024, description="Largest request body.")

    @field_validator("token")
    @classmethod
    def _strong_token(cls, token: SecretStr | None) -> SecretStr | None:
        """Raise ValueError for a token that could be guessed or not be sent in a header."""
        if token is not None and not TOKEN.fullmatch(token.get_secret_value()):
            raise ValueError("16 or more letters, digits or -._~+/= are needed")
        return token

    @cached_property
    def database_url(self) -> str:
        """SQLAlchemy URL of the database."""
        return self.database or f"sqlite:///{self.data_dir.resolve() / 'lab.db'}"

    @cached_property
    def broker_url(self) -> str:
        """Redis-protocol URL of the broker, as redis-py reads it."""
        return self.broker or f"unix://{self.data_dir.resolve() / 'valkey.sock'}"
