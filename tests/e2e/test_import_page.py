"""The page that imports logs: choose, check, correct, import."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.integration.test_imports import GOOD, OVERFITTING

LOG = {"a_loss": OVERFITTING["loss"], "b_loss": OVERFITTING["val_loss"], **GOOD}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "history.json"
    path.write_text(json.dumps(LOG))
    return path


def test_chosen_logs_are_checked_corrected_and_imported(page: Page, log: Path) -> None:
    page.goto("/import")
    page.get_by_label("Log files").set_input_files(log)
    card = page.get_by_role("listitem", name="history.json")
    expect(card.locator(".verdict")).to_have_text("good fit")
    expect(card.get_by_role("img", name=re.compile("30 epochs"))).to_be_visible()
    for label, name in (
        ("Train and validation loss", "other series…"),
        ("Train loss", "a_loss"),
        ("Validation loss", "b_loss"),
    ):
        card.get_by_role("combobox", name=label, exact=True).select_option(name)
    expect(card.locator(".verdict")).to_have_text("overfitting")
    card.get_by_label("Name of the run").fill("seed 1")
    page.get_by_label("Experiment").fill("from the page")
    page.get_by_role("button", name="Import 1 run").click()
    page.get_by_role("link", name="Open the experiment from the page").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("from the page")
    expect(page.get_by_text("overfitting").first).to_be_visible()


def test_pasted_and_dropped_logs_are_read_and_refusals_are_shown(
    page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append("status of 422")
    page.goto("/import")
    page.get_by_text("Paste text").click()
    page.get_by_label("Lines of a console, a table or JSON").fill("nothing")
    page.get_by_role("button", name="Read the text").click()
    expect(page.get_by_role("alert").filter(has_text="pasted.txt: ")).to_be_visible()
    page.evaluate(DROP, ["good.json", json.dumps(GOOD)])
    expect(page.get_by_role("listitem", name="good.json")).to_be_visible()
    expect(page.get_by_role("button", name="Import 1 run")).to_be_enabled()


DROP = """([name, text]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name));
  const zone = document.getElementById("drop-zone");
  zone.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
}"""
