"""The documents say what the code does."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from backend.spec import validate
from backend.spec.parsing import parse_yaml

ROOT = Path(__file__).parents[2]


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs/make_reference.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["README.md", "docs/settings.md", "docs/data.md"])
def test_reference_tables_are_current(page: str) -> None:
    text, made = (ROOT / page).read_text(), reference()
    assert text == made.with_table(text, made.PAGES[page]()), "run: python docs/make_reference.py"


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda p: p.stem)
def test_examples_are_valid(path: Path) -> None:
    assert validate(parse_yaml(path.read_bytes())).runs
