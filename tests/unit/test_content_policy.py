"""The content security policies allow no inline script or style by anybody else."""

import re
from pathlib import Path

import plotly
import pytest

from backend.web.content_policy import (
    PLOTLY_STYLE_ELEMENTS,
    digest_source,
    file_policy,
    page_policy,
)

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


@pytest.mark.parametrize("policy", [page_policy(), file_policy(["draw()"], "p { color: red }")])
def test_no_policy_allows_inline_text_by_anybody(policy: str) -> None:
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert policy.startswith("default-src 'none'; ")


def test_a_page_in_a_file_allows_exactly_its_scripts_and_its_style() -> None:
    policy = file_policy(["a()", "b()"], "p {}").split("; ")
    assert f"script-src {digest_source('a()')} {digest_source('b()')}" in policy
    assert any(part.startswith(f"style-src {digest_source('p {}')} ") for part in policy)


def test_the_allowed_style_elements_are_those_of_the_installed_plotly() -> None:
    filled = re.findall(r"\.textContent='([^'\\]*)',document\.head", PLOTLY.read_text())
    assert set(PLOTLY_STYLE_ELEMENTS) == {digest_source(text) for text in ["", *filled]}
