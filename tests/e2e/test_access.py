"""The pages of access: signing in, tokens, and the audit log."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_every_page import check
from tests.product import run_product
from tests.tokens import OPERATOR


@pytest.fixture(scope="module")
def guarded_lab(short_dir: Path) -> Iterator[str]:
    """The URL of a product that requires a token."""
    with run_product(short_dir / "guarded", workers="0", token=OPERATOR) as product:
        yield product.url


def test_a_token_is_created_revoked_and_audited(
    page: Page, guarded_lab: str, expected_errors: list[str]
) -> None:
    expected_errors.append("status of 401")  # the sign-in page
    check(page, f"{guarded_lab}/tokens")
    page.get_by_label("Token").fill(OPERATOR)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Name").fill("laptop")
    page.get_by_role("button", name="Create token").click()
    expect(page.locator("#new-secret-text")).to_contain_text("lab_")
    check(page, f"{guarded_lab}/tokens")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke laptop").click()
    expect(page.get_by_role("row", name="laptop")).to_contain_text("revoked")
    check(page, f"{guarded_lab}/audit")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody tr").first).to_contain_text("DELETE /api/tokens/{token_id}")
