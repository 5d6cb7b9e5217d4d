"""Limits of the service: the settings that bound what one client can take from the others.

Each is declared once, with its reason and the answer to a request that exceeds it. The table in
docs/security.md is generated from these declarations.
"""

from typing import Any

from pydantic import BaseModel, Field

from backend.log_formats.limits import LogLimits

MEBIBYTE = 1 << 20
LOG_LIMITS = LogLimits()


def limit(default: Any, description: str, *, beyond: str, ge: float = 1) -> Any:
    """Return the field of a limit. `beyond` is what happens to a request that exceeds it."""
    return Field(default, ge=ge, description=description, json_schema_extra={"beyond": beyond})


class Limits(BaseModel):
    """The limits among the settings."""

    max_runs: int = limit(
        10_000, "Largest grid one experiment may have.", beyond="422, nothing is queued"
    )
    max_setting_text: int = limit(
        1_000_000, "Characters of all lists of features and layers, in all runs of an experiment "
        "together.",
        beyond="422, nothing is queued", ge=1000,
    )  # fmt: skip
    work_seconds: float = limit(
        10, "Processor time that one request may take: validation, previews, pages and charts.",
        beyond="422, the work ends", ge=0.01,
    )  # fmt: skip
    work_bytes: int = limit(
        512 * MEBIBYTE, "Bytes of metrics and predictions that one page, chart or analysis may "
        "read.",
        beyond="422, the work ends", ge=1024,
    )  # fmt: skip
    max_heavy_requests: int = limit(
        8, "Pages, charts, analyses and submissions that are computed at once, per web process. "
        "The others wait for half a minute.",
        beyond="503",
    )  # fmt: skip
    max_streams: int = limit(1000, "Live streams per web process.", beyond="503")
    max_streams_per_client: int = limit(
        250, "Live streams per client and token. A client counts as for "
        "LAB_MAX_CONNECTIONS_PER_CLIENT.",
        beyond="429",
    )  # fmt: skip
    max_queued_runs: int = limit(
        100_000, "Runs that wait, of all experiments together.", beyond="429, nothing is queued"
    )
    max_queued_runs_per_token: int = limit(
        50_000, "Runs that wait, of the experiments of one token. Without tokens all count as "
        "one.",
        beyond="429, nothing is queued",
    )  # fmt: skip
    max_browser_sessions: int = limit(
        50, "Browser sessions per token. A further sign-in ends the least recently used session.",
        beyond="the oldest ends",
    )  # fmt: skip
    max_connections: int | None = limit(
        None, "Open connections per web process. At most three quarters of the limit of open "
        "files, which is raised to its maximum at the start.",
        beyond="503, closed",
    )  # fmt: skip
    max_connections_per_client: int | None = limit(
        None, "Open connections per client: an IPv4 address, or an IPv6 network of 64 bits. "
        "Behind a proxy all clients share the IP address of the proxy.",
        beyond="503, closed",
    )  # fmt: skip
    head_seconds: float = limit(
        10, "Seconds within which the request line and the headers must arrive.",
        beyond="408, closed", ge=0.1,
    )  # fmt: skip
    body_seconds: float = limit(
        30, "Seconds within which a body must arrive, plus one for each LAB_MIN_BODY_RATE bytes.",
        beyond="408, closed", ge=0.1,
    )  # fmt: skip
    min_body_rate: int = limit(
        4096, "Bytes per second at which a long body must arrive.", beyond="408, closed"
    )
    idle_seconds: float = limit(
        75, "Seconds that a connection may wait for its next request. Clients should close theirs "
        "earlier: closing one while it sends a request loses the request.",
        beyond="closed", ge=0.1,
    )  # fmt: skip
    max_url_bytes: int = limit(16_384, "Longest URL.", beyond="414, closed", ge=256)
    max_head_bytes: int = limit(
        65_536, "Largest request line and headers together.", beyond="431, closed", ge=1024
    )
    max_headers: int = limit(100, "Most headers of a request.", beyond="431, closed", ge=10)
    max_body_bytes: int = limit(
        MEBIBYTE, "Largest request body, except those of the next four limits.",
        beyond="413", ge=1024,
    )  # fmt: skip
    max_form_bytes: int = limit(
        4096, "Largest body of the sign-in form, which is read before the token is checked.",
        beyond="413", ge=256,
    )  # fmt: skip
    max_log_bytes: int = limit(
        10 * MEBIBYTE, "Largest body of a request that logs metrics.", beyond="413", ge=1024
    )
    max_upload_bytes: int = limit(
        1024 * MEBIBYTE, "Largest uploaded artifact. It is streamed to disk.",
        beyond="413", ge=1024,
    )  # fmt: skip
    max_import_bytes: int = limit(
        1040 * MEBIBYTE, "Largest upload of a table, or of logs to import, all files together. It "
        "is streamed to disk.",
        beyond="413", ge=1024,
    )  # fmt: skip
    max_import_files: int = limit(2000, "Most files of an import.", beyond="413")
    max_import_runs: int = limit(1000, "Most runs of an import.", beyond="422, nothing is imported")
    max_import_points: int = limit(
        5_000_000, "Most values of an import, of all metrics and runs together.",
        beyond="422, nothing is imported",
    )  # fmt: skip
    import_seconds: float = limit(
        60, "Processor time in which the files of an import must be read. A process of its own "
        "reads them.",
        beyond="422, nothing is imported", ge=0.01,
    )  # fmt: skip
    import_memory_bytes: int = limit(
        2048 * MEBIBYTE, "Memory of the process that reads an import.",
        beyond="422, nothing is imported", ge=64 * MEBIBYTE,
    )  # fmt: skip
    max_console_bytes: int = limit(
        MEBIBYTE, "Output of a command that is kept: its last bytes, and its first 64 KiB.",
        beyond="the part between them is dropped", ge=1024,
    )  # fmt: skip
    max_depth: int = limit(
        32, "Deepest nesting of lists and objects in a JSON or YAML body.", beyond="400"
    )
    max_digits: int = limit(
        400, "Most digits of a number in a JSON or YAML body.", beyond="400", ge=20
    )
    max_yaml_bytes: int = limit(
        65_536, "Largest YAML body; reading as much takes a second.", beyond="413", ge=256
    )
    max_log_file_bytes: int = limit(
        LOG_LIMITS.max_log_file_bytes, "Largest log that is read, such as TensorBoard events.",
        beyond="one sentence",
    )  # fmt: skip
    max_log_text_bytes: int = limit(
        LOG_LIMITS.max_log_text_bytes, "Largest log of text that is read.",
        beyond="one sentence",
    )  # fmt: skip
    max_log_series: int = limit(
        LOG_LIMITS.max_log_series, "Most metrics of one training run in a log.",
        beyond="one sentence",
    )  # fmt: skip
    diagnose_seconds: float = limit(
        LOG_LIMITS.diagnose_seconds, "Processor time to read a log; for each MiB a fifth more.",
        beyond="one sentence", ge=0.01,
    )  # fmt: skip
