"""The beginnings of the paths at which MLflow's protocol answers."""

ROOT = "/mlflow"
"""Clients may add it to the URL of the service."""
PREFIXES = tuple(
    f"{root}{api}/{version}"
    for root in ("", ROOT)
    for api in ("/api", "/ajax-api")
    for version in ("2.0", "3.0")
)
PATHS = tuple(f"{prefix}/" for prefix in (*PREFIXES, ROOT))
"""Errors below these paths are in MLflow's envelope."""
