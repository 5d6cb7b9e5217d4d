"""The page of an experiment: the live grid, charts, cancelling, remedies."""

import re
from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from frontend.formatting import isolated

Submit = Callable[[dict[str, Any]], tuple[int, int]]

GRID = {
    "dataset": {"source": "moons", "n_train": [20, 50]},
    "model": {"width": [2, 16]},
    "training": {"epochs": 5, "seeds": 2},
}
OVERFITTING = {
    "dataset": {"source": "moons", "n_train": 10, "n_validation": 50, "n_test": 50},
    "model": {"width": 64},
    "training": {"epochs": 40},
}
DIVERGING = {
    "dataset": {"source": "line"},
    "training": {"optimizer": "sgd", "learning_rate": 10, "epochs": 50},
}
ENDLESS = {"dataset": {"source": "moons"}, "training": {"epochs": 100_000, "seeds": 3}}


def test_the_grid_is_updated_while_runs_train(page: Page, submit: Submit) -> None:
    experiment_id, run_id = submit(GRID)
    page.goto(f"/experiments/{experiment_id}")
    page.evaluate("window.stillHere = true")
    expect(page.locator("header .status")).to_have_text("finished", timeout=120_000)
    cells = page.locator("#grid tbody td")
    expect(cells).to_have_count(4)
    expect(cells.first).to_have_text(re.compile(r"-?[\d.]+\s*2 runs"))
    expect(page.get_by_text("8 of 8 runs done")).to_be_visible()
    assert page.evaluate("window.stillHere")
    cells.first.get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"/runs/{run_id}$"))


def test_the_grid_headers_name_the_settings(page: Page, submit: Submit) -> None:
    experiment_id, _ = submit(GRID)
    page.goto(f"/experiments/{experiment_id}")
    grid = page.locator("#grid")
    expect(grid.locator("thead th").first).to_contain_text("width")
    expect(grid.get_by_role("rowheader", name="16")).to_be_visible()
    expect(grid.get_by_role("columnheader", name="50")).to_be_visible()


def test_the_colour_metric_of_the_grid_is_in_the_url(page: Page, submit: Submit) -> None:
    experiment_id, _ = submit(GRID)
    page.goto(f"/experiments/{experiment_id}")
    page.get_by_label("Colour by").select_option("cost of not stopping")
    expect(page.get_by_role("heading", name="Cost of not stopping")).to_be_visible()
    expect(page).to_have_url(re.compile("colour=cost"))
    page.reload()
    expect(page.get_by_label("Colour by")).to_have_value("cost")


def test_the_page_explains_its_grid_and_the_chosen_setting(page: Page, submit: Submit) -> None:
    experiment_id, _ = submit(GRID)
    page.goto(f"/experiments/{experiment_id}")
    expect(page.locator("header .status")).to_have_text("finished", timeout=120_000)
    caption = page.locator("#learning-chart figcaption")
    expect(caption).to_contain_text("lowest validation loss goes from")
    expect(page.locator("#cause-chart figcaption")).to_contain_text("The lowest validation loss")
    expect(page.locator("#splits-chart figcaption")).to_contain_text("; variance")
    page.get_by_label("Setting").first.select_option(index=1)
    expect(page).to_have_url(re.compile("learning=0"))
    page.reload()
    expect(page.get_by_label("Setting").first).to_have_value("0")


def test_focus_is_kept_while_the_grid_refreshes(page: Page, submit: Submit) -> None:
    experiment_id, run_id = submit({**GRID, "training": {"epochs": 300}})
    page.goto(f"/experiments/{experiment_id}")
    link = page.locator(f"#grid a[href='/runs/{run_id}']")
    link.focus()
    expect(page.locator("header .status")).to_have_text("finished", timeout=120_000)
    expect(link).to_be_focused()


def test_cancel_ends_running_and_queued_runs(page: Page, submit: Submit) -> None:
    experiment_id, _ = submit(ENDLESS)
    page.goto(f"/experiments/{experiment_id}")
    expect(page.locator("#runs .status-running").first).to_be_visible(timeout=60_000)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel experiment").click()
    expect(page.locator("header .status")).to_have_text("cancelled", timeout=60_000)
    expect(page.locator("#runs .status-cancelled")).to_have_count(3)
    expect(page.get_by_role("button", name="Cancel experiment")).to_have_count(0)


def test_arrow_keys_move_between_cells_and_enter_opens_one(page: Page, submit: Submit) -> None:
    experiment_id, run_id = submit(GRID)
    page.goto(f"/experiments/{experiment_id}")
    cells = page.locator("#grid td a")
    expect(page.locator("#grid td a[tabindex='0']")).to_have_count(1)
    cells.first.focus()
    page.keyboard.press("ArrowRight")
    expect(cells.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(cells.nth(3)).to_be_focused()
    page.keyboard.press("ArrowDown")  # there is no cell below
    expect(cells.nth(3)).to_be_focused()
    page.keyboard.press("Home")
    expect(cells.nth(2)).to_be_focused()
    expect(page.locator("#grid td a[tabindex='0']")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/runs/{run_id + 2}$"))


def test_a_cell_shows_its_small_curve_when_pointed_at(page: Page, submit: Submit) -> None:
    experiment_id, _ = submit(GRID)
    page.goto(f"/experiments/{experiment_id}")
    expect(page.locator("header .status")).to_have_text("finished", timeout=120_000)
    page.locator("#grid td a").first.hover()
    card = page.locator("#cell-card")
    expect(card.locator(".train-line")).to_have_count(2)
    expect(card).to_contain_text("width 2, train samples 20")
    page.evaluate("document.dispatchEvent(new Event('pagerefreshed'))")
    expect(card).to_be_visible()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_a_third_setting_filters_or_splits_tables_by_url(page: Page, submit: Submit) -> None:
    document = {**GRID, "model": {"width": [2, 16], "depth": [1, 2]}, "training": {"epochs": 2}}
    experiment_id, _ = submit(document)
    page.goto(f"/experiments/{experiment_id}")
    expect(page.locator("table.grid caption")).to_have_text(["depth 1", "depth 2"])
    page.locator("select[name='model.depth']").select_option("2")
    expect(page.locator("table.grid")).to_have_count(1)
    expect(page).to_have_url(re.compile("model.depth=2"))
    page.locator("select[name=rows]").select_option("depth")
    expect(page.locator("#grid thead th").first).to_contain_text("depth")
    page.reload()
    expect(page.locator("select[name=rows]")).to_have_value("model.depth")


def test_parallel_coordinates_are_filtered_by_brushing(page: Page, submit: Submit) -> None:
    experiment_id, _ = submit(GRID)
    page.goto(f"/experiments/{experiment_id}")
    expect(page.locator("header .status")).to_have_text("finished", timeout=120_000)
    lines = page.locator(".parallel .lines path")
    expect(lines).to_have_count(4)
    page.locator("#parallel").get_by_role("combobox", name="Width from").select_option("16")
    expect(page.locator(".parallel .lines path.out")).to_have_count(2)
    expect(page.locator("#grid td.out")).to_have_count(2)
    page.get_by_text("The same as a table").click()
    expect(page.locator("#outcomes tbody tr:visible")).to_have_count(2)
    brushed(page, "dataset.n_train", 0.8, 1.05)
    expect(page.locator(".brushed output")).to_have_text("1 of 4 cells")
    expect(page).to_have_url(re.compile(r"brush=model\.width:1\.\.,dataset\.n_train:0\.\.0$"))
    page.reload()
    expect(page.locator("#parallel").get_by_label("Train samples to")).to_have_value("0")
    expect(page.locator(".parallel .lines path.out")).to_have_count(3)
    page.evaluate("document.querySelector('.parallel .lines path:not(.out)')"
                  ".dispatchEvent(new MouseEvent('click', {bubbles: true}))")  # fmt: skip
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))


def test_refreshed_sections_stay_expanded_and_focused(page: Page, submit: Submit) -> None:
    experiment_id, _ = submit(GRID)
    page.goto(f"/experiments/{experiment_id}")
    expect(page.locator("header .status")).to_have_text("finished", timeout=120_000)
    fold = page.locator("summary", has_text="The same as a table")
    fold.click()
    page.evaluate("""new Promise((fetched) => {
        const part = document.getElementById("parallel");
        part.addEventListener("fragmentload", () => fetched());
        part.setAttribute("src", part.getAttribute("src") + "&again=1");
    })""")
    expect(page.locator("#outcomes tbody tr:visible")).to_have_count(4)
    expect(fold).to_be_focused()


def brushed(page: Page, axis: str, top: float, bottom: float) -> None:
    """Drag along an axis of the parallel coordinates between two fractions of its height."""
    scale = page.locator(f".parallel g[data-axis='{axis}']")
    scale.scroll_into_view_if_needed()
    box: Any = scale.locator("path").bounding_box()
    x, height = box["x"], box["height"]
    page.mouse.move(x, box["y"] + top * height)
    page.mouse.down()
    page.mouse.move(x, box["y"] + bottom * height, steps=3)
    page.mouse.up()


def test_cells_are_chosen_by_keyboard_and_pointer_and_compared(page: Page, idle_lab: str) -> None:
    experiment = httpx.post(f"{idle_lab}/api/experiments", json=GRID).json()
    page.goto(f"{idle_lab}{experiment['url']}")
    cells = page.locator("#grid td a")
    cells.first.focus()
    page.keyboard.press("Space")
    expect(page.locator("#chosen-cells")).to_contain_text("choose another")
    page.get_by_role("button", name="Choose cells").click()
    cells.nth(3).click()
    expect(page.locator("#grid td[aria-selected]")).to_have_count(2)
    page.reload()
    expect(page.locator("#chosen-cells")).to_contain_text("2 cells chosen")
    page.locator("#chosen-cells").get_by_role("link", name="Compare").click()
    expect(page).to_have_url(re.compile(r"/compare\?cells=\d+,\d+$"))
    expect(page.locator("main")).to_contain_text("Cell of run")


def test_failed_runs_show_the_reason_and_can_be_retried(
    page: Page, lab: str, submit: Submit
) -> None:
    experiment_id, run_id = submit(DIVERGING)
    page.goto(f"/experiments/{experiment_id}")
    expect(page.locator("header .status")).to_have_text("failed", timeout=120_000)
    expect(page.locator(".failures li")).to_contain_text("Diverged at epoch")
    first = httpx.get(f"{lab}/api/runs/{run_id}").json()
    with page.expect_event("load"):  # the page reloads when the run is queued again
        page.get_by_role("button", name="Retry 1 failed run").click()
    # the retry has the same data and initial weights, so it fails again
    expect(page.locator("header .status")).to_have_text("failed")
    retried = httpx.get(f"{lab}/api/runs/{run_id}").json()
    assert (retried["epoch"], retried["ended_at"] > first["ended_at"]) == (first["epoch"], True)


def test_one_run_shows_its_curve(page: Page, submit: Submit) -> None:
    experiment_id, run_id = submit({**OVERFITTING, "training": {"epochs": 3}})
    page.goto(f"/experiments/{experiment_id}")
    expect(page.locator("#loss figcaption")).to_contain_text("Loss after epoch 3")
    page.get_by_role("link", name="Loss over the epochs").click()
    expect(page).to_have_url(re.compile(f"/runs/{run_id}$"))


def test_a_queued_experiment_shows_the_reason(
    page: Page, idle_lab: str, expected_errors: list[str]
) -> None:
    experiment = httpx.post(f"{idle_lab}/api/experiments", json=GRID).json()
    page.goto(f"{idle_lab}{experiment['url']}")
    expect(page.locator("#progress")).to_contain_text("8 runs waiting for a worker")
    expect(page.locator("#grid tbody td").first).to_contain_text("queued")
    banner = page.locator("#no-worker")
    expect(banner).to_contain_text(re.compile("No worker is running. .* waiting"))
    expected_errors.append("503")
    away = {"error": "unavailable", "detail": "The database cannot be reached; try again."}
    page.route("**/api/health", lambda route: route.fulfill(status=503, json=away))
    expect(banner).to_contain_text(f"{away['detail']} Workers keep their results")


def test_a_remedy_is_tried_with_one_click_and_compared(page: Page, submit: Submit) -> None:
    experiment_id, _ = submit(OVERFITTING)
    page.goto(f"/experiments/{experiment_id}")
    form = page.locator("#try-remedies")

    def choose_three() -> None:
        expect(form).to_be_visible(timeout=120_000)
        for remedy in ("Weight decay", "Label smoothing", "Less capacity"):
            for box in form.get_by_label(remedy).all():
                box.uncheck()
        form.get_by_label("seeds").fill("2")
        form.get_by_label("seeds").blur()
        expect(page.locator("#remedies-cost")).to_contain_text("8 runs, ")

    choose_three()
    expect(page.locator("#remedies-cost")).to_contain_text("on an otherwise idle machine")
    form.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Remedies for")
    expect(page.locator("header .status")).to_have_text("finished", timeout=120_000)
    expect(page.locator("#comparison-sentence")).to_contain_text("alidation chooses")
    expect(page.locator("#compared tbody tr")).to_have_count(4)
    expect(page.locator("#differences-best figcaption")).to_contain_text(
        f"{isolated('Early stopping')} +0 (the same model)"
    )
    page.get_by_role("link", name=f"experiment {experiment_id}", exact=True).click()
    expect(page.locator("#remedies")).to_contain_text("tries 3 changes")
    choose_three()
    expect(page.locator("#remedies-twin")).to_contain_text("tries the same changes")
    expect(form.get_by_role("button")).to_have_text("Try again")


def test_a_run_page_offers_remedies_for_its_cell(page: Page, submit: Submit) -> None:
    _, run_id = submit(OVERFITTING)
    page.goto(f"/runs/{run_id}")
    expect(page.locator("#try-remedies")).to_contain_text("More data", timeout=120_000)
