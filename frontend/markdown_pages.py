"""Documentation pages as HTML: the Markdown of docs/, with links that work inside the app."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path, PurePosixPath
from posixpath import normpath

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs"
INDEX = "README"
ABOVE = ("README", "CONTRIBUTING", "CHANGELOG", "SECURITY")
"""Pages above the folder docs/. In the URLs of the app their names start with `project/`."""

_ABOVE_PREFIX = "project/"


@dataclass(frozen=True)
class MarkdownPage:
    """A page of the documentation: its title, its HTML and the headings of its second level."""

    title: str
    html: Markup
    headings: Sequence[tuple[str, str]]


def file_of(name: str) -> Path | None:
    """Return the file of a page by its name in the URL, None if there is no such page."""
    return _files().get(name)


@cache
def _files() -> dict[str, Path]:
    """Return every page by its name. A container has no documents above the folder docs/."""
    below = {str(p.relative_to(FOLDER).with_suffix("")): p for p in FOLDER.rglob("*.md")}
    above = {_ABOVE_PREFIX + name: ROOT / f"{name}.md" for name in ABOVE}
    return below | {name: path for name, path in above.items() if path.exists()}


@cache
def pictures() -> dict[str, Path]:
    """Return every picture of the documentation by its path below docs/."""
    return {
        str(p.relative_to(FOLDER)): p for p in FOLDER.rglob("*") if p.suffix in (".png", ".svg")
    }


@cache
def page(name: str) -> MarkdownPage | None:
    """Return a page by its name in the URL, None if there is no such page."""
    file = file_of(name)
    if file is None:
        return None
    # html=False: tags in a document are shown as text
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")
    tokens = parser.parse(file.read_text(encoding="utf-8"))
    headings = list(_name_headings(tokens))
    _lead_links_into_the_app(tokens, file)
    _leave_empty_headers_out(tokens)
    html = parser.renderer.render(tokens, parser.options, {})
    title = next((text for level, _, text in headings if level == "h1"), name)
    return MarkdownPage(title, Markup(html), [(a, t) for lv, a, t in headings if lv == "h2"])  # noqa: S704


def _leave_empty_headers_out(tokens: Sequence[Token]) -> None:
    """Make data cells of the empty header cells of tables."""
    for opening, content, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if opening.type == "th_open" and not content.content:
            opening.tag = closing.tag = "td"


def _name_headings(tokens: Sequence[Token]) -> Iterator[tuple[str, str, str]]:
    """Give headings the anchors that GitHub gives them. Yield their level, anchor and text."""
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(part.content for part in content.children or ())
            anchor = anchor_of(text)
            opening.attrSet("id", anchor)
            yield opening.tag, anchor, text


def anchor_of(heading: str) -> str:
    """Return the anchor of a heading, as on GitHub."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _lead_links_into_the_app(tokens: Sequence[Token], file: Path) -> None:
    """Change links and pictures to URLs of the app. A link to another file is left out."""
    for token in tokens:
        dropped = False
        for part in token.children or ():
            if part.type == "image":
                part.attrSet("src", f"/docs/{_below_docs(str(part.attrs['src']), file)}")
            elif part.type == "link_open":
                url = _url_in_app(str(part.attrs["href"]), file)
                dropped = url is None
                part.hidden = dropped
                part.attrSet("href", url or "")
            elif part.type == "link_close":
                part.hidden = dropped


def _url_in_app(link: str, file: Path) -> str | None:
    """Return the URL that a link of a document leads to, None for another file."""
    path, _, anchor = link.partition("#")
    if "://" in link or not path:
        return link
    target = Path(normpath(file.parent / path))
    name = next((name for name, known in _files().items() if known == target), None)
    if name is None:
        return None
    url = "/docs" if name == INDEX else f"/docs/{name}"
    return f"{url}#{anchor}" if anchor else url


def _below_docs(link: str, file: Path) -> PurePosixPath:
    return PurePosixPath(Path(normpath(file.parent / link)).relative_to(FOLDER).as_posix())


class _Renderer(RendererHTML):
    """Renders tables and code so that the keyboard can scroll them when they are wide."""

    def table_open(
        self, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType
    ) -> str:
        start = '<div class="scroll" tabindex="0" role="group" aria-label="Table">'
        tokens[at].attrSet("class", "list")
        return start + self.renderToken(tokens, at, options, env)

    def table_close(
        self, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType
    ) -> str:
        return self.renderToken(tokens, at, options, env) + "</div>"

    def fence(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
        return super().fence(tokens, at, options, env).replace("<pre>", '<pre tabindex="0">', 1)

    def link_open(
        self, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType
    ) -> str:
        return "" if tokens[at].hidden else self.renderToken(tokens, at, options, env)

    link_close = link_open
