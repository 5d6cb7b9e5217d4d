"""The list of runs and the comparison page."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from backend.settings import Settings
from backend.store import Database
from tests.product import run_product
from tests.scenes import MOONS, Scene, write_scene

GRID = Scene(
    {"name": "Widths", "dataset": MOONS, "model": {"width": [2, 64]}, "training": {"seeds": 2}}, 40
)


@pytest.fixture(scope="module")
def listed(short_dir: Path) -> Iterator[str]:
    """The URL of a product that has trained the four runs of a grid, 1 to 4."""
    folder = short_dir / "listed"
    with run_product(folder, workers="0") as product:
        database = Database(Settings(data_dir=folder).database_url)
        write_scene(database, GRID)
        database.dispose()
        yield product.url


def rows(page: Page) -> Any:
    return page.locator("#all-runs tbody tr")


@contextmanager
def unreachable(page: Page, addresses: str) -> Iterator[None]:
    """Make the requests to these URLs fail, as if the service was unreachable."""
    page.route(re.compile(addresses), lambda route: route.abort())
    with page.expect_event("requestfailed"):
        yield
    page.unroute_all()


def test_a_typed_filter_is_in_the_url_and_can_be_removed(page: Page, listed: str) -> None:
    page.goto(f"{listed}/runs")
    expect(rows(page)).to_have_count(4)
    page.keyboard.press("/")
    page.keyboard.type("params.width = 64")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(2)
    expect(page.locator("#total")).to_have_text("2 runs found")
    expect(page).to_have_url(re.compile(r"filter=params.width\+%3D\+64$"))
    page.reload()
    expect(rows(page)).to_have_count(2)
    page.go_back()
    expect(rows(page)).to_have_count(4)
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("")


def test_an_invalid_filter_shows_the_position_and_keeps_the_text(page: Page, listed: str) -> None:
    page.goto(f"{listed}/runs?filter=params.widht+%3D+64")
    expect(page.get_by_role("alert")).to_contain_text("position 1 of the filter: there is no param")
    field = page.get_by_role("combobox", name="Filter")
    expect(field).to_have_value("params.widht = 64")
    expect(field).to_have_attribute("aria-invalid", "true")
    page.goto(f"{listed}/runs?filter=id+>+99")
    expect(page.get_by_text("No run matches.")).to_be_visible()


def test_a_column_header_sorts_by_keyboard_in_both_directions_and_resets(
    page: Page, listed: str
) -> None:
    page.goto(f"{listed}/runs")
    head = page.get_by_role("columnheader", name="Parameters")
    for direction, key in (("ascending", "Enter"), ("descending", " "), ("none", "Enter")):
        head.get_by_role("button").focus()
        page.keyboard.press(key)
        expect(head).to_have_attribute("aria-sort", direction)
    expect(page).to_have_url(f"{listed}/runs")


def test_columns_are_chosen_and_a_view_is_saved_and_opened(page: Page, listed: str) -> None:
    page.goto(f"{listed}/runs?order_by=params.width+desc")
    page.locator("#columns summary").click()
    page.get_by_role("checkbox", name="width", exact=True).check()
    page.get_by_role("button", name="Show these").click()
    expect(page.get_by_role("columnheader", name="Width")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.locator("#views summary").click()
    page.get_by_role("textbox", name="Save this view as").fill("Widest first")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#done-text")).to_have_text("Saved the view Widest first.")
    page.goto(f"{listed}/runs")
    page.locator("#views summary").click()
    page.get_by_role("link", name="Widest first").click()
    expect(page.get_by_role("columnheader", name="Width")).to_be_visible()
    expect(page).to_have_url(re.compile("order_by=params.width"))


def test_input_is_kept_while_a_view_loads(page: Page, listed: str) -> None:
    page.goto(f"{listed}/runs")
    held: list[Route] = []
    page.route(re.compile("columns="), lambda route: held.append(route))
    page.locator("#columns summary").click()
    page.get_by_role("checkbox", name="width", exact=True).check()
    with page.expect_request(re.compile("columns=")):
        page.get_by_role("button", name="Show these").click()
    page.locator("#views summary").click()
    page.get_by_role("textbox", name="Save this view as").fill("With width")
    page.get_by_role("combobox", name="Filter").fill("params.width = 64")
    held.pop().continue_()
    expect(page.get_by_role("columnheader", name="Width")).to_be_visible()
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("params.width = 64")
    expect(page.get_by_role("textbox", name="Save this view as")).to_be_visible()
    expect(page.get_by_role("textbox", name="Save this view as")).to_have_value("With width")


def test_an_outdated_response_is_not_shown(page: Page, listed: str) -> None:
    page.goto(f"{listed}/runs")
    held: list[Route] = []
    page.route(re.compile("shown=archived"), lambda route: held.append(route))
    with page.expect_request(re.compile("shown=archived")):
        page.get_by_role("link", name="archive").click()
    page.get_by_role("link", name="deleted").click()
    expect(page.get_by_text("Nothing is deleted.")).to_be_visible()
    with page.expect_event("requestfinished", lambda request: "archived" in request.url):
        held.pop().continue_()
    expect(page.get_by_text("Nothing is deleted.")).to_be_visible()


def test_a_filter_is_applied_after_an_outage(
    page: Page, listed: str, expected_errors: list[str]
) -> None:
    expected_errors.append("net::ERR")
    page.goto(f"{listed}/runs")
    page.get_by_role("combobox", name="Filter").fill("params.width = 64")
    with unreachable(page, "filter="):
        page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(2)
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("params.width = 64")


def test_selected_runs_are_tagged_archived_and_deleted_with_undo(page: Page, listed: str) -> None:
    page.goto(f"{listed}/runs")
    page.get_by_role("checkbox", name="Choose run 1", exact=True).check()
    page.get_by_role("checkbox", name="Choose run 2", exact=True).check()
    page.get_by_role("button", name="Tag…").click()
    page.get_by_role("textbox", name="Tag", exact=True).fill("base")
    page.get_by_role("button", name="Add tag").click()
    expect(page.locator("#run-1 .tag")).to_have_text("base")
    expect(page.get_by_role("group", name="Chosen runs")).to_be_hidden()
    for button in ("Archive", "Delete"):
        page.get_by_role("checkbox", name="Choose run 1", exact=True).focus()
        page.keyboard.press(" ")
        page.get_by_role("button", name=button, exact=True).click()
        expect(rows(page)).to_have_count(3)
        page.get_by_role("button", name="Undo").click()
        expect(page.locator("#done-text")).to_have_text("Restored 1 run.")
        expect(rows(page)).to_have_count(4)


def test_undo_restores_the_earlier_tag(page: Page, listed: str) -> None:
    httpx.patch(f"{listed}/api/runs/2", json={"tags": {"owner": "ann"}})
    page.goto(f"{listed}/runs?chosen=2-3")
    page.get_by_role("button", name="Tag…").click()
    page.get_by_role("textbox", name="Tag", exact=True).fill("owner")
    page.get_by_role("textbox", name="Value").fill("bo")
    page.get_by_role("button", name="Add tag").click()
    expect(page.locator("#run-3 .tag")).to_have_text("owner: bo")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#run-3 .tag")).to_have_count(0)
    expect(page.locator("#run-2")).to_contain_text("owner: ann")


def test_a_selection_outlasts_a_filter_and_leads_to_the_comparison(page: Page, listed: str) -> None:
    page.goto(f"{listed}/runs")
    page.get_by_role("checkbox", name="Choose run 1", exact=True).check()
    page.get_by_role("combobox", name="Filter").fill("params.width = 64")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(2)
    page.get_by_role("checkbox", name="Choose run 3", exact=True).check()
    expect(page).to_have_url(re.compile(r"filter=params.width\+%3D\+64&chosen=1,3$"))
    page.reload()
    expect(page.locator("#chosen-count")).to_have_text("2 runs chosen")
    page.get_by_role("button", name="Compare").click()
    expect(page).to_have_url(f"{listed}/compare?runs=1,3")
    expect(page.locator("#overlay-val .main-svg").first).to_be_visible()
    expect(page.locator(".param")).to_have_count(1)
    expect(page.locator("#differences")).to_contain_text("not assessable: one seed in common")


def test_cells_are_compared_with_an_interval_and_optionally_the_test_part(
    page: Page, listed: str
) -> None:
    page.goto(f"{listed}/compare?runs=1,3")
    page.get_by_role("link", name="Combine all seeds of each cell").click()
    expect(page.locator("#differences")).to_contain_text("2 seeds")
    expect(page.locator("#overlay-test")).to_have_count(0)
    page.get_by_role("group", name="test", exact=True).get_by_text("shown").click()
    expect(page.locator("#overlay-test .main-svg").first).to_be_visible()
    page.get_by_role("group", name="align by").get_by_text("step").click()
    expect(page.locator("#overlay-val figcaption")).to_contain_text("by optimiser step")
    expect(page).to_have_url(re.compile(r"cells=1,3.*align=step.*test=true"))
    page.get_by_role("link", name="Leave out Cell of run 3").click()
    expect(page.locator("#differences")).to_have_count(0)


def test_a_choice_is_shown_after_an_outage(
    page: Page, listed: str, expected_errors: list[str]
) -> None:
    expected_errors.append("net::ERR")
    page.goto(f"{listed}/compare?runs=1,3")
    with unreachable(page, "align=step"):
        page.get_by_role("group", name="align by").get_by_text("step").click()
    expect(page.locator("#overlay-val figcaption")).to_contain_text("by optimiser step")


def test_a_run_is_tagged_deleted_and_restored_on_its_own_page(page: Page, listed: str) -> None:
    page.goto(f"{listed}/runs/4")
    page.locator("#add-tag summary").click()
    page.get_by_role("textbox", name="Tag", exact=True).fill("odd")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("button", name="Remove the tag odd")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("This run is deleted")).to_be_visible()
    page.get_by_role("button", name="Restore").click()
    page.get_by_role("button", name="Remove the tag odd").click()
    expect(page.get_by_role("button", name="Remove the tag odd")).to_have_count(0)


def test_an_experiment_is_pinned_and_archived(page: Page, listed: str) -> None:
    page.goto(f"{listed}/experiments/1")
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.get_by_role("button", name="Unpin")).to_be_visible()
    page.get_by_role("button", name="Archive", exact=True).click()
    expect(page.get_by_role("button", name="Unarchive")).to_be_visible()
    page.goto(f"{listed}/?shown=archived")
    expect(page.get_by_role("row", name="Widths pinned")).to_be_visible()
    page.goto(f"{listed}/runs")
    expect(page.get_by_text("No active runs.")).to_be_visible()
    page.goto(f"{listed}/experiments/1")
    page.get_by_role("button", name="Unarchive").click()
    expect(page.get_by_role("button", name="Archive", exact=True)).to_be_visible()
