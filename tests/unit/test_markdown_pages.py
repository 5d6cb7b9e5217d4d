"""The documentation is rendered for the app, with working links and without foreign HTML."""

import re
from pathlib import Path

import pytest

from frontend import markdown_pages
from frontend.markdown_pages import MarkdownPage

NAMES = sorted(markdown_pages._files())


def rendered(name: str) -> MarkdownPage:
    page = markdown_pages.page(name)
    assert page is not None
    return page


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_pages_and_headings_inside_the_app(name: str) -> None:
    for link in re.findall(r'href="([^"]+)"', rendered(name).html):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = path.removeprefix("/docs").removeprefix("/") or markdown_pages.INDEX
        there = rendered(target if path else name)
        assert not anchor or f'id="{anchor}"' in there.html, link


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_served_by_the_app(name: str) -> None:
    for source in re.findall(r'<img src="([^"]+)"', rendered(name).html):
        assert source.removeprefix("/docs/") in markdown_pages.pictures()


def test_html_in_a_document_is_shown_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = tmp_path / "hostile.md"
    hostile.write_text("# Hi <script>alert(1)</script>\n\n[x](javascript:alert(1)) <img src=x>\n")
    monkeypatch.setattr(markdown_pages, "file_of", lambda _: hostile)
    html = rendered("hostile").html
    assert "<script" not in html
    assert "<img" not in html
    assert "href" not in html


def test_the_index_names_the_pages_that_answer_a_learner() -> None:
    html = rendered(markdown_pages.INDEX).html
    assert {"/docs/textbook", "/docs/diagnosis", "/docs/reference/rest"} <= set(
        re.findall(r'href="([^"]+)"', html)
    )
