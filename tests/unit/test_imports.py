"""Allowed directions of imports between the parts (docs/architecture.md)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("backend", "frontend", "worker", "overfit_lab")
HTTP = {"fastapi", "starlette", "httpx", "uvicorn", "http", "urllib"}
SQL = {"sqlalchemy", "alembic", "psycopg", "sqlite3", "backend.store"}
# Allowed outside the store: to pass on sessions and to handle database errors.
FOREIGN_DATABASES = "backend.log_formats.mlflow_database"
"""Reads the SQLite files of MLflow, which people import."""
SQL_OUTSIDE_STORE = {"sqlalchemy.orm.Session", "sqlalchemy.exc", "alembic.util.CommandError"}

# What analysis may know of specifications are the declarations of hyperparameters.
VALIDATION = {
    f"backend.specification.{path.stem}"
    for path in (ROOT / "backend/specification").glob("*.py")
    if path.stem != "params"
}
RESPONSES = {"backend.runs.schemas", "backend.runs.items", "pydantic"}
RUN_USE_CASES = {
    f"backend.runs.{path.stem}"
    for path in (ROOT / "backend" / "runs").glob("*.py")
    if path.stem not in ("__init__", "states", "fields")
}

# The parts of the product that the Python package does without.
SERVER = {"frontend", "worker", "fastapi", "httpx", "pydantic", "sqlalchemy"} | {
    f"backend.{path.stem}"
    for path in (ROOT / "backend").iterdir()
    if path.stem
    not in (
        "__init__",
        "diagnosis",
        "errors",
        "fit_reports",
        "log_formats",
        "pairing",
        "remedies",
        "series",
    )
}

# (package, forbidden imports, exempt modules)
RULES = [
    ("backend", {"torch", "worker", "sklearn"}, set()),
    ("backend", {"frontend"}, {"backend.main"}),
    ("frontend", {"torch", "worker", "sklearn", "celery"}, set()),
    ("worker", {"frontend", "fastapi", "starlette", "backend.cli"}, set()),
    ("backend.series", {"backend"}, set()),
    ("backend.printable", {"backend"}, set()),
    ("backend.diagnosis", SQL | HTTP | {"redis", "celery", "backend.api"}, set()),
    ("backend.diagnosis", {"backend.specification", "backend.analysis"}, set()),
    ("backend.analysis", SQL | HTTP | {"redis", "celery", "backend.api"}, set()),
    ("backend.analysis", {"backend.runs", "backend.remedies"}, set()),
    ("backend.analysis", VALIDATION, set()),
    (
        "backend.pairing",
        SQL | HTTP | {"redis", "celery", "backend.api", "backend.log_formats"},
        set(),
    ),
    (
        "backend.log_formats",
        SQL | HTTP | {"redis", "celery", "backend.api"},
        {FOREIGN_DATABASES},
    ),
    ("backend.store", {"backend.diagnosis", "backend.analysis", "backend.remedies"}, set()),
    ("backend.datasets", SQL | HTTP | {"redis", "celery", "backend.api"}, set()),
    ("backend.specification", SQL | HTTP | {"redis", "celery", "backend.api"}, set()),
    ("backend.search", SQL | HTTP | {"redis", "celery", "backend.api"}, set()),
    # the definitions of a run, which the store and the filter language read
    ("backend.runs.states", SQL | HTTP | {"backend"}, set()),
    ("backend.runs.fields", SQL | HTTP | {"backend"}, set()),
    # the store knows of runs only what they are
    ("backend.store", RUN_USE_CASES | HTTP | {"backend.api", "backend.web"}, set()),
    # the worker ends runs through the lifecycle, which therefore needs no response models
    ("backend.runs.lifecycle", RESPONSES | HTTP, set()),
    ("backend.runs.lifecycle", RESPONSES | HTTP, set()),
    ("worker", RESPONSES | {"backend.api", "backend.web"}, set()),
    # pages and REST endpoints share backend.web and the use cases, not each other
    ("frontend", {"backend.api"}, set()),
    ("backend.runs", {"backend.api", "backend.web"}, set()),
    # notifications follow a commit in one place: `_notify` in backend.main
    (
        "backend.api",
        {"backend.live.notifications.Notifier", "backend.live.notifications.BackgroundNotifier"},
        set(),
    ),
    # a training script installs numpy only
    ("backend.fit_reports", SQL | HTTP | VALIDATION | {"pydantic", "backend.api"}, set()),
    ("overfit_lab", SERVER, set()),
    ("worker.training", SQL | {"celery", "kombu", "redis", "backend.scheduling.dispatcher"}, set()),
]


def modules() -> dict[str, Path]:
    """Return the path of every module of the product by its dotted name."""
    paths = [path for part in PARTS for path in (ROOT / part).rglob("*.py")]
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in paths
    }


def imports(path: Path) -> set[str]:
    """Return the dotted names that a module imports, in any scope."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def within(name: str, packages: set[str]) -> bool:
    """Return whether a dotted name is one of `packages` or is inside one."""
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def named(name: str | set[str]) -> str:
    """Return a parameter's part of the test id, the same in every process."""
    return name if isinstance(name, str) else ",".join(sorted(name))[:30]


@pytest.mark.parametrize(("package", "forbidden", "exempt"), RULES, ids=named)
def test_import_directions(package: str, forbidden: set[str], exempt: set[str]) -> None:
    members = {name: path for name, path in modules().items() if within(name, {package})}
    assert members, f"{package} has no modules"
    wrong = [
        f"{name} imports {imported}"
        for name, path in members.items()
        for imported in sorted(imports(path))
        if within(imported, forbidden) and name not in exempt
    ]
    assert wrong == []


def test_sql_is_only_in_the_store() -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, path in modules().items()
        for imported in sorted(imports(path))
        if within(imported, SQL - {"backend.store"})
        and not within(name, {"backend.store", FOREIGN_DATABASES})
        and not within(imported, SQL_OUTSIDE_STORE)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("backend.main", "torch"),
        ("backend.cli.service", "sqlalchemy"),
        ("backend.cli.diagnose", "sqlalchemy"),
        ("backend.cli.diagnose", "pydantic"),
        ("backend.cli.diagnose", "plotly"),
    ],
)
def test_quick_commands_do_not_import_heavy_packages(module: str, heavy: str) -> None:
    code = f"import {module}, sys; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
