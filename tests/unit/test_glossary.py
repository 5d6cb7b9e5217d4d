"""The glossary is complete."""

import re
from pathlib import Path

from backend.diagnosis.verdicts import FACTS, slug
from backend.specification.data_sources import GENERATED, SOURCES
from frontend.glossary import GLOSSARY, TERMS
from frontend.site import TEMPLATES


def test_every_verdict_is_explained() -> None:
    assert {slug(name) for name in FACTS} <= TERMS.keys()


def test_every_term_linked_from_a_page_is_explained() -> None:
    written = "".join(path.read_text() for path in Path(TEMPLATES).rglob("*.html"))
    promised = set(re.findall(r'macros\.term\("([a-z-]+)"', written))
    assert promised
    assert promised <= TERMS.keys()


def test_no_term_is_explained_twice() -> None:
    assert sum(map(len, GLOSSARY.values())) == len(TERMS)


def test_stored_data_name_their_origin() -> None:
    unnamed = [
        name for name, source in SOURCES.items() if source.rows and source.origin == GENERATED
    ]
    assert unnamed == []
    assert SOURCES["moons"].origin.startswith("Generated here")
