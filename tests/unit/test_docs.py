"""Generated tables, examples and the Compose page agree with the code."""

import re
import textwrap
from pathlib import Path

import pytest

from backend.settings import Settings
from backend.specification import validate
from backend.specification.parsing import parse_yaml
from backend.specification.presets import PRESETS
from docs import make_reference
from tests import outage_messages
from tests.preset_shapes import SHAPES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", make_reference.PAGES)
def test_reference_tables_are_current(name: str) -> None:
    text, table = (ROOT / name).read_text(), make_reference.PAGES[name]()
    assert text == make_reference.with_table(text, table), "run: python -m docs.make_reference"


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda p: p.stem)
def test_examples_are_valid(path: Path) -> None:
    assert validate(parse_yaml(path.read_bytes())).runs


def test_compose_page_has_every_variable_with_its_default() -> None:
    file, page = ((ROOT / name).read_text() for name in ("docker-compose.yml", "docs/compose.md"))
    rows = [row for row in page.splitlines() if row.startswith("| `LAB_")]
    described = {name for row in rows for name in re.findall(r"`(LAB_\w+)`", row.split("|")[1])}
    passed_on = set(re.findall(r"^    (LAB_\w+):(?: #.*)?$", file, re.MULTILINE))
    assert described == passed_on | set(re.findall(r"\$\{(LAB_\w+)", file))
    for name, default in re.findall(r"\$\{(LAB_\w+):?-([^${}]+)\}", file):
        (row,) = (row for row in rows if row.startswith(f"| `{name}` "))
        assert default in row.split("|")[3]


def test_compose_file_passes_every_setting_that_it_does_not_decide() -> None:
    file = (ROOT / "docker-compose.yml").read_text()
    decided = {"host", "port", "data_dir", "database", "broker", "device", "token", "local_access"}
    decided |= {"worker_nice"}
    settings = {f"LAB_{name.upper()}" for name in Settings.model_fields if name not in decided}
    assert settings == set(re.findall(r"^    (LAB_\w+):", file, re.MULTILINE))


PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", CODE_BLOCK.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_existing_pages_and_headings(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", CODE_BLOCK.sub("", path.read_text())):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{path.name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{path.name} links to {link}"


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text()
    pages = [page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md")]
    listed = [page for page in pages if page.parts[0] != "decisions" and page.name != "README.md"]
    assert [str(page) for page in listed if f"]({page})" not in index] == []


PLACE = re.compile(r"`((?:backend|frontend|worker|tests|docs|bench|examples)/[\w./-]*)`")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_a_page_names_exist(path: Path) -> None:
    names = [name for name in PLACE.findall(path.read_text()) if not re.search("[A-Z]{4}", name)]
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_tree_of_the_architecture_is_complete() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    tree = next(block for block in CODE_BLOCK.findall(page) if "composition root" in block)
    named = {line.split()[0] for line in tree.splitlines()[1:-1]}
    parts = [path for path in (ROOT / "backend").iterdir() if not path.name.startswith("_")]
    expected = {path.name + "/" * path.is_dir() for path in parts}
    assert expected - named == set()


def test_the_reliability_page_quotes_the_messages_of_the_service() -> None:
    page = " ".join((ROOT / "docs/reliability.md").read_text().split())
    outages = [
        outage_messages.BROKER_UNREACHABLE,
        outage_messages.DATABASE_UNREACHABLE,
        outage_messages.READ_ONLY,
        outage_messages.DISK_FULL,
        {"/experiments/1": outage_messages.QUEUED_WITHOUT_BROKER},
    ]
    messages = [message for outage in outages for message in outage.values()]
    assert [text for text in messages if not text.startswith('"') and text not in page] == []


@pytest.mark.parametrize("slug", PRESETS)
def test_the_textbook_page_has_the_text_of_each_preset(slug: str) -> None:
    page, preset = (ROOT / "docs/textbook.md").read_text(), PRESETS[slug]
    claims = [f"- {claim}\n" for claim in SHAPES[slug].claims]
    expected = [f"## {preset.title}\n\n", textwrap.fill(preset.about, 96), *claims]
    assert [text for text in expected if text not in page] == [], "run: python -m bench.presets"
