"""The directions in which the parts may import each other (docs: architecture)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("backend", "frontend", "worker")
HTTP = {"fastapi", "starlette", "httpx", "uvicorn", "http", "urllib"}
SQL = {"sqlalchemy", "alembic", "psycopg", "sqlite3", "backend.store"}
# Outside the store: sessions are opened and handed on, and its errors answered.
SQL_OUTSIDE_STORE = {"sqlalchemy.orm.Session", "sqlalchemy.exc", "alembic.util.CommandError"}

# (who, what it may not import, who may all the same)
RULES = [
    ("backend", {"torch", "worker", "sklearn"}, set()),
    ("backend", {"frontend"}, {"backend.main"}),
    ("frontend", {"torch", "worker", "sklearn", "celery"}, set()),
    ("worker", {"frontend", "fastapi", "starlette", "backend.cli"}, set()),
    ("backend.diagnosis", SQL | HTTP | {"redis", "celery", "backend.api"}, set()),
    ("backend.log_formats", SQL | HTTP | {"redis", "celery", "backend.api"}, set()),
    ("backend.datasets", SQL | HTTP | {"redis", "celery", "backend.api"}, set()),
    ("backend.specification", SQL | HTTP | {"redis", "celery", "backend.api"}, set()),
    ("backend.search", SQL | HTTP | {"redis", "celery", "backend.api"}, set()),
    ("worker.training", SQL | {"celery", "kombu", "redis", "backend.scheduling.dispatcher"}, set()),
]


def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name."""
    paths = [path for part in PARTS for path in (ROOT / part).rglob("*.py")]
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in paths
    }


def imports(path: Path) -> set[str]:
    """Every name a module imports, wherever in it, as dotted paths."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def within(name: str, packages: set[str]) -> bool:
    """Whether a dotted name is one of `packages` or lies in one."""
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def named(each: str | set[str]) -> str:
    """A part of a test's name, the same in every process."""
    return each if isinstance(each, str) else ",".join(sorted(each))[:30]


@pytest.mark.parametrize(("who", "forbidden", "exempt"), RULES, ids=named)
def test_directions(who: str, forbidden: set[str], exempt: set[str]) -> None:
    members = {name: path for name, path in modules().items() if within(name, {who})}
    assert members, f"{who} has no modules"
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
        and not within(name, {"backend.store"})
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
def test_what_starts_quickly_does_not_load_what_is_heavy(module: str, heavy: str) -> None:
    code = f"import {module}, sys; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
