"""The prose check: phrases to avoid in everything a person reads, with better wordings.

Text is searched in blocks (a paragraph, a docstring, a run of comments), with line breaks taken
out, so that a phrase is found wherever its line breaks.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

AVOID: dict[str, str] = {
    # verbs of speech for things that cannot speak
    r"\b(?:is|are|was|were|be|been|being|gets?) told\b": "is shown, reported, logged or raised",
    r"\btell(?:s|ing)? of\b|\btold of\b": "reports, describes",
    r"\b(?:say|says|said|saying) so\b": "name the message, or where it is shown",
    # negated nouns
    r"\b(?:is|are|was|were) none\b": "is missing, is empty, does not exist",
    r"(?<!here )\b(?:is|are|was|were) no (?!longer|more|less|worse|such|need|one\b|[a-z]+er\b)"
    r"[a-z]+\b": "is not a, is invalid",
    # words that nobody says
    r"\banew\b|\bonce more\b": "again",
    r"\bat any rate\b|\bhereby\b|\bthereof\b|\bwhereupon\b|\btherein\b": "restructure the sentence",
    r"\bmeanwhile\b": "during this time, while ...",
    r"\bfore(?:tell|tells|told)\b": "predict",
    r"\bbeside\b": "next to, with, compared with",
    # clauses and pronouns that stand for a noun
    r"(?:^|[.;:(,] |\b(?:of|for|to|with|by|from|than|and) )[Ww]hat (?:is|was|are|were|has|had|came|"
    r"comes|waits|moved|varies|lies|stands|goes|dies|left|could|cannot|may|must)\b(?![^?]*\?)": (
        "name the thing: the waiting runs, the changed rows"
    ),
    r"\bwhoever\b|(?:^|[;] )[Ww]ho [a-z]+s\b(?![^?]*\?)": "name the actor: a person, a worker",
    r"\bno one else's\b|\bthat one's\b|\bof which one\b": "repeat the noun",
    r"\bas (?:it is|they are)\b": "unchanged, the baseline",
    r"(?:^|[.;:] )Of (?:an?|the|each|these|those|it|such|one|two|several|many|some|runs?)\b": (
        "put the subject first"
    ),
    r"\b[Hh]ave (?:it|them|an? [a-z]+|the [a-z]+) (?:be|told|made|trained)\b": "use an active verb",
    r"\b(?:a|one) (?:row|line|event|column|message|write|record|query|module|page|file|point|entry|"
    r"thread|process|history) an? (?:run|row|line|event|epoch|worker|resource|metric|page|second|"
    r"seed|cell|process|group|minute|file)\b": "per, for each",
    # standard terms
    r"\bknobs?\b": "hyperparameter (code, docs), setting (pages)",
    r"\bstretch(?:es)?\b": "chunk (of points), span (of epochs)",
    r"\bportions?\b(?! =)": "group, batch, share",
    r"\b(?:\d+|most|few|many) letters\b|\bletters at most\b": "characters",
    r"\bseams?\b": "interface, boundary",
    r"\bjournals?\b": "log",
    r"(?<![Tt]ype )\b[Hh]ints?\b": "notification",
    r"\bso (?:many|much)\b(?! (?:as|that))|\bas such\b": "give the number, or restructure",
    r"\bkeepers?\b": "scheduler",
    r"\b(?:the|its|this|that|same) address\b(?! (?:space|to listen|of this machine|that other))": (
        "URL, or IP address"
    ),
}
"""Patterns, each with the wording to use instead."""

FIRST_WORDS = frozenset({"What", "Who", "Where", "Whether", "Of", "Have"})
"""A docstring that begins with one of these names neither an action nor a thing."""

MARKUP = {".md", ".html", ".yaml", ".yml", ".toml", ".txt"}
SCRIPTS = {".js", ".css"}
LONGEST_LINE = 100  # characters of a line of Markdown
_PATTERNS = {re.compile(pattern): better for pattern, better in AVOID.items()}
_QUOTED = re.compile(r"/\*.*?\*/|//[^\n]*|`[^`]*`|\"[^\"\n]*\"|'[^'\n]*'", re.DOTALL)
_CODE = re.compile(r"`[^`]*`|\"\w+\"")  # names of the code, and values of the REST interface
_PREFIX = re.compile(r"^[frbu]+(?=[\"'])", re.IGNORECASE)
_TOKENS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


@dataclass(frozen=True)
class Block:
    """A piece of prose with the line on which it begins; its text has no line breaks."""

    line: int
    text: str


def complaints(path: Path) -> list[str]:
    """Return a line for each phrase to avoid in a file, with the better wording."""
    return [
        f"{path}:{block.line}: {match[0].strip()!r}; better: {better}"
        for block in blocks(path)
        for pattern, better in _PATTERNS.items()
        for match in pattern.finditer(_CODE.sub("", block.text))
        if " " in block.text  # a single word is an identifier, not prose
    ]


def blocks(path: Path) -> Iterator[Block]:
    """Yield the prose of a file: all of a page, the comments and strings of a program."""
    if path.suffix not in {".py", ""} | MARKUP | SCRIPTS:
        return
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py" or text.startswith("#!/usr/bin/env python"):
        yield from _of_python(text)
    elif path.suffix in SCRIPTS:
        for match in _QUOTED.finditer(text):
            yield Block(text.count("\n", 0, match.start()) + 1, _joined(match[0], "/* \"'`"))
    else:
        yield from _paragraphs(text)


def wrong_docstrings(path: Path) -> list[str]:
    """Return a line for each docstring of a module that begins with one of FIRST_WORDS."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)]
    documented = [(node, ast.get_docstring(node)) for node in nodes]
    return [
        f"{path}:{getattr(node, 'lineno', 1)}: {text.splitlines()[0]}"
        for node, text in documented
        if text and text.split()[0] in FIRST_WORDS
    ]


def long_lines(path: Path) -> list[str]:
    """Return a line for each line of Markdown that is too long, outside tables, code and links."""
    wrong, code = [], False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        code ^= line.lstrip().startswith("```")
        if len(line) > LONGEST_LINE and not (code or line.startswith("|") or "](" in line):
            wrong.append(f"{path}:{number}: {len(line)} characters")
    return wrong


def _of_python(text: str) -> Iterator[Block]:
    """Yield each string, and each run of comments on successive lines."""
    comments: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if comments and token.start[0] > comments[-1].start[0] + 1:
                yield _run(comments)
                comments = []
            comments.append(token)
        elif token.type in _TOKENS:
            yield Block(token.start[0], _joined(_PREFIX.sub("", token.string), "\"' "))
    if comments:
        yield _run(comments)


def _run(comments: list[tokenize.TokenInfo]) -> Block:
    words = " ".join(token.string.lstrip("# ") for token in comments)
    return Block(comments[0].start[0], words)


def _paragraphs(text: str) -> Iterator[Block]:
    line = 1
    for part in re.split(r"(\n\s*\n|\n(?=\s*(?:[-*|#<]|\d+\.) ?))", text):
        if part.strip():
            yield Block(line, re.sub(r"`[^`]*`", "`", _joined(part, "#-*|> ")))
        line += part.count("\n")


def _joined(text: str, margin: str) -> str:
    return " ".join(line.strip(margin) for line in text.splitlines()).strip()
