"""Settings of the service, each declared once and read from the environment as LAB_<NAME>.

The limits among them are in backend/limits.py.
"""

import os
import re
from argparse import Namespace
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from backend.access.token_strength import token_problem
from backend.errors import InvalidInput
from backend.limits import Limits

MEMORY_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # cgroup v2 and v1
CGROUP = Path("/sys/fs/cgroup")
WORKER_MIB = 512  # a worker that loaded PyTorch takes 350 MiB, then comes its training
MOST_WORKERS = 256


def default_workers(cgroup: Path = CGROUP) -> int:
    """Return the default number of workers: one per core, and per 512 MiB of memory.

    Workers run at low priority, so the web process needs no core of its own. `cgroup` is the
    folder with the limits of a container.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limit = cgroup / "cpu.max"
    quota, _, period = limit.read_text().partition(" ") if limit.exists() else ("max", "", "")
    if quota.isdigit():
        cores = min(cores or 1, int(quota) // int(period))
    return max(1, min(cores or 1, total_memory(cgroup) // WORKER_MIB, MOST_WORKERS))


def total_memory(cgroup: Path = CGROUP) -> int:
    """Return the memory of the machine in MiB, or a container's limit where it is lower."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in (cgroup / name for name in MEMORY_LIMITS):
        text = limit.read_text().strip() if limit.exists() else ""
        total = min(total, int(text)) if text.isdigit() else total
    return total >> 20


def default_memory(workers: int, cgroup: Path = CGROUP) -> int:
    """Return the memory limit per worker in MiB: half of all memory, divided among them."""
    return max(64, total_memory(cgroup) // 2 // max(1, workers))


class Settings(BaseSettings, Limits):
    """Settings of the service. Command-line flags override the environment."""

    model_config = SettingsConfigDict(
        env_prefix="LAB_",
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        secrets_dir=os.environ.get("LAB_SECRETS_DIR") or None,  # files named as the variables
    )

    host: str = Field("127.0.0.1", description="Host or IP address the web service listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port the web service listens on.")
    data_dir: Path = Field(Path("data"), description="Folder of the database, broker and logs.")
    database: str | None = Field(
        None, description="SQLAlchemy URL. Default: SQLite in the data folder."
    )
    broker: str | None = Field(
        None, description="Redis-protocol URL. Default: an embedded Valkey in the data folder."
    )
    device: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="Device that workers train on; auto uses a GPU if there is one."
    )
    workers: int = Field(
        default_factory=default_workers,
        ge=0,
        le=MOST_WORKERS,
        description="Worker processes to start.",
    )
    worker_nice: int = Field(
        10,
        ge=0,
        le=19,
        description="Nice value of the workers that `lab up` starts: at 0 they compete with pages "
        "for the processor, at 19 they get almost nothing while another program computes.",
    )
    memory: int = Field(
        default_factory=lambda known: default_memory(known["workers"]),
        ge=1,
        description="Memory limit per worker in MiB. On a GPU, the free device memory is used "
        "instead.",
    )
    token: SecretStr | None = Field(
        None,
        description="Token of the operator, which may do everything: random letters, digits or "
        "-._~+/= with 128 bits, such as from `openssl rand -hex 32`. With it, every browser and "
        "program must send this or another token. Without it, only this machine may use the "
        "service: it does not start if other machines could reach it, except with `lab up`, which "
        "creates a token then.",
    )
    local_access: Literal["auto", "token", "open"] = Field(
        "auto",
        description="Whether `lab up` requires a token on 127.0.0.1 too, where every user of this "
        "machine can connect. auto: if another user can log in, except in a container and in CI.",
    )
    secrets_dir: Path | None = Field(
        None,
        description="Folder with secret settings in files named lab_token, lab_database and "
        "lab_broker. Environment variables override them.",
    )
    url: str | None = Field(
        None,
        description="Public URL if it differs from LAB_HOST and LAB_PORT (in a container, behind a "
        "proxy).",
    )
    webhook_url: str | None = Field(
        None,
        description="URL that receives a POST request with JSON when the verdict of a run that "
        "another program logs turns.",
    )
    allowed_hosts: list[str] = Field(
        default_factory=list,
        description="Host names accepted besides localhost, 127.0.0.1, [::1] and those in "
        'LAB_HOST and LAB_URL, as a JSON list: ["lab.example"].',
    )
    lease_seconds: float = Field(
        10,
        gt=0,
        description="Seconds without a sign of life after which a worker loses its runs.",
    )
    agent_lease_seconds: float = Field(
        30,
        gt=0,
        description="Seconds without a sign of life after which an agent loses its runs.",
    )
    record_seconds: float = Field(
        0.2,
        gt=0,
        description="Seconds between two writes of trained epochs. Up to five times as long when "
        "writing takes more than 5 % of the time.",
    )
    checkpoint_seconds: float = Field(
        2,
        gt=0,
        description="Seconds of training lost at most when a worker is killed. Longer in large "
        "groups, because checkpoints take at most 1 % of the time (256 runs: about 45 s).",
    )
    deleted_days: float = Field(
        30,
        ge=0,
        le=36_500,
        description="Days until deleted runs and experiments are removed for good.",
    )
    idempotency_hours: float = Field(
        24,
        gt=0,
        le=8760,
        description="Hours for which a repeated request with the same Idempotency-Key gets the "
        "first answer.",
    )
    audit_days: float = Field(
        365, ge=1, le=36_500, description="Days until entries of the audit log are removed."
    )
    audit_entries: int = Field(
        100_000, ge=100, description="Entries of the audit log that are kept; older ones go first."
    )
    log: Literal["text", "json"] = Field(
        "text", description="Format of log lines: text for people, or one JSON object per line."
    )

    @field_validator("webhook_url")
    @classmethod
    def _web_address(cls, url: str | None) -> str | None:
        """Raise ValueError for anything but the URL of a web server."""
        if url is not None and not re.fullmatch(r"https?://[^\s/?#]+\S*", url):
            raise ValueError("accepted: a URL that begins with http:// or https://")
        return url

    @field_validator("token")
    @classmethod
    def _strong_token(cls, token: SecretStr | None) -> SecretStr | None:
        """Raise ValueError for a token that is easy to guess or that a header cannot carry."""
        if token is not None and (problem := token_problem(token.get_secret_value())):
            raise ValueError(problem)
        return token

    @cached_property
    def database_url(self) -> str:
        """SQLAlchemy URL of the database."""
        return self.database or f"sqlite:///{self.data_dir.resolve() / 'lab.db'}"

    @cached_property
    def sqlite_path(self) -> Path | None:
        """Path of the SQLite file, None for PostgreSQL."""
        path = self.database_url.removeprefix("sqlite:///")
        return Path(path) if path != self.database_url else None

    @cached_property
    def broker_url(self) -> str:
        """Redis-protocol URL of the broker, as redis-py reads it."""
        return self.broker or f"unix://{self.data_dir.resolve() / 'valkey.sock'}"


def load_settings(options: Namespace | None = None, *flags: str) -> Settings:
    """Return the settings; those of `flags` that `options` has override the environment.

    Raises InvalidInput naming the flag or variable that is wrong.
    """
    overrides = {flag: getattr(options, flag) for flag in flags}
    try:
        return Settings(**{flag: value for flag, value in overrides.items() if value is not None})
    except SettingsError as error:
        raise InvalidInput(
            'LAB_ALLOWED_HOSTS is not a JSON list; accepted: such as ["lab.example"].'
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        source = f"--{name.replace('_', '-')}" if overrides.get(name) else f"LAB_{name.upper()}"
        if name == "token":  # never repeat a secret, not even an invalid one
            problem = first["msg"].removeprefix("Value error, ")
            raise InvalidInput(f"{source}: {problem}.") from None
        raise InvalidInput(f"{source}: {first['msg']}, not {first['input']!r}.") from error
