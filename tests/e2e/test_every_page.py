"""Every page in every state is accessible in both themes and at all widths, without errors."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from backend.settings import Settings
from backend.store import Database
from tests.product import run_product, wait_for
from tests.scenes import SCENES, thousand_runs, write_scene

WIDTHS = (320, 1280, 1920)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ADDRESSES = {
    "home": "/",
    "form": "/experiments/new",
    "datasets": "/datasets",
    "runs": "/runs?filter=verdict+%3D+overfitting",
    "runs, none found": "/runs?filter=id+%3D+0",
    "compare runs": "/compare?runs=1,2&test=true",
    "docs": "/docs/textbook",
    "glossary": "/glossary",
    "import": "/import",
    "status": "/status",
}
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
STATES = [*SCENES, "thousand"]


@dataclass(frozen=True)
class StagedProduct:
    """A product without workers, and the experiment and first run of each scene in it."""

    url: str
    ids: dict[str, tuple[int, int]]


@pytest.fixture(scope="module")
def staged_product(short_dir: Path) -> Iterator[StagedProduct]:
    folder = short_dir / "scenes"
    with run_product(folder, workers="0") as product:
        database = Database(Settings(data_dir=folder).database_url)
        played = {name: write_scene(database, scene) for name, scene in SCENES.items()}
        played["thousand"] = write_scene(database, thousand_runs(epochs=3))
        database.dispose()
        yield StagedProduct(
            product.url, {name: (scene_id, ids[0]) for name, (scene_id, ids) in played.items()}
        )


def check(page: Page, url: str) -> None:
    """Check accessibility in both themes, overflow at all widths, and foreign requests."""
    conditions: list[str] = []
    page.on("request", lambda request: conditions.append(request.url))
    page.emulate_media(reduced_motion="reduce", color_scheme="light")
    page.set_viewport_size({"width": WIDTHS[1], "height": 900})
    page.goto(url, timeout=60_000)
    expect(page.locator("lab-chart .plot:empty")).to_have_count(0)
    assert found(page, "tag", RULES) == []
    page.emulate_media(color_scheme="dark")
    assert found(page, "rule", ["color-contrast"]) == []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wait_for(lambda: page.evaluate(FITS), lambda: f"wider than {page.viewport_size}", 30)
    own = (urlsplit(url).netloc, "")  # data: and blob: URLs have no host
    assert [condition for condition in conditions if urlsplit(condition).netloc not in own] == []


def found(page: Page, kind: str, wanted: list[str]) -> list[str]:
    """Return the violations that axe reports: rule and elements."""
    options = {"runOnly": {"type": kind, "values": wanted}, "resultTypes": ["violations"]}
    result = Axe().run(page, options=options).response
    return [
        f"{violation['id']}: {[node['html'][:160] for node in violation['nodes'][:3]]}"
        for violation in result["violations"]
    ]


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_pages_are_accessible(page: Page, staged_product: StagedProduct, address: str) -> None:
    check(page, staged_product.url + address)


@pytest.mark.parametrize("state", STATES)
def test_experiment_pages_are_accessible(
    page: Page, staged_product: StagedProduct, state: str
) -> None:
    check(page, f"{staged_product.url}/experiments/{staged_product.ids[state][0]}")


@pytest.mark.parametrize("state", SCENES)
def test_run_pages_are_accessible(page: Page, staged_product: StagedProduct, state: str) -> None:
    check(page, f"{staged_product.url}/runs/{staged_product.ids[state][1]}")


def test_the_list_of_runs_in_all_states_is_accessible(
    page: Page, staged_product: StagedProduct
) -> None:
    check(
        page, f"{staged_product.url}/runs?filter=experiment+<+{staged_product.ids['thousand'][0]}"
    )
    for state in ("queued", "running", "finished", "failed", "cancelled"):
        expect(page.locator("tbody .status", has_text=state).first).to_be_attached()


def test_the_comparison_of_runs_in_all_states_is_accessible(
    page: Page, staged_product: StagedProduct
) -> None:
    ids = [str(run_id) for _, run_id in staged_product.ids.values()]
    check(page, f"{staged_product.url}/compare?runs={','.join(ids)}&test=true")


def test_comparing_too_many_runs_is_explained(page: Page, staged_product: StagedProduct) -> None:
    page.goto(f"{staged_product.url}/runs?chosen=51-71")
    expect(page.get_by_role("button", name="Compare")).to_be_disabled()
    expect(page.get_by_text("At most 20 runs can be compared.")).to_be_visible()
    page.goto(f"{staged_product.url}/runs?chosen=51-70")
    page.get_by_role("button", name="Compare").click()
    expect(page).to_have_url(re.compile(r"/compare\?runs=51,"))


def test_error_pages_are_accessible(
    page: Page, staged_product: StagedProduct, expected_errors: list[str]
) -> None:
    expected_errors.append("status of 404")
    check(page, f"{staged_product.url}/runs/999999")
