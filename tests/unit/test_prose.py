"""Everything a person reads is plain technical English, as far as a list of phrases can tell."""

from pathlib import Path

import pytest

from tests import prose

ROOT = Path(__file__).parents[2]
FOLDERS = (".ci", "backend", "bench", "docs", "examples", "frontend", "tests", "worker")
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
FILES = (*PAGES, "lab", "pyproject.toml", "Dockerfile", "docker-compose.yml")
EXEMPT = ("tests/data", "tests/prose.py", "tests/unit/test_prose.py")

# Folders and files whose text is still being rewritten. Remove an entry once it is done.
PENDING: tuple[str, ...] = ()


def files(suffix: str = "") -> list[Path]:
    """The files of the project whose names end in `suffix`."""
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*"))]
    paths += [ROOT / name for name in FILES]
    exempt = [ROOT / name for name in EXEMPT + PENDING]
    return [
        path
        for path in paths
        if path.is_file() and path.name.endswith(suffix) and "__pycache__" not in path.parts
        if not any(path.is_relative_to(place) for place in exempt)
    ]


def test_no_file_has_a_phrase_to_avoid() -> None:
    assert [line for path in files() for line in prose.complaints(path)] == []


def test_docstrings_begin_with_a_verb_or_a_noun() -> None:
    assert [line for path in files(".py") for line in prose.wrong_docstrings(path)] == []


def test_lines_of_markdown_fit_into_100_characters() -> None:
    assert [line for path in files(".md") for line in prose.long_lines(path)] == []


@pytest.mark.parametrize(
    ("name", "text", "hits"),
    [
        ("page.md", "The status is\ntold on the page.", 1),
        ("page.md", "The status is shown on the page.", 0),
        ("code.py", "# Rows are written\n# anew each time.\nword = 'anew'\n", 1),
        ("code.py", '"""Return a list of what is left."""\n', 1),
        ("page.js", 'let note = "nothing"; // once more\n', 1),
        ("page.js", "let knob = 1;\n", 0),
    ],
)
def test_phrases_are_found_in_prose_alone(tmp_path: Path, name: str, text: str, hits: int) -> None:
    (tmp_path / name).write_text(text)
    assert len(prose.complaints(tmp_path / name)) == hits


def test_a_docstring_that_names_nothing_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""Queue of runs."""\n\n\ndef first():\n    """Whether it is empty."""\n')
    assert len(prose.wrong_docstrings(module)) == 1


def test_a_long_line_of_markdown_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("\n".join(["x" * 101, "| " + "x" * 101, "```", "x" * 101, "```"]))
    assert len(prose.long_lines(page)) == 1
