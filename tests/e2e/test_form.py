"""The form for new experiments."""

import re

import httpx
from playwright.sync_api import Page, Route, expect

REFUSED = "status of 422"


def test_submitting_the_form_opens_the_experiment(page: Page) -> None:
    page.goto("/experiments/new")
    page.get_by_label("Name").fill("From the form")
    page.get_by_label("Width").fill("2, 4")
    page.get_by_label("Epochs", exact=True).fill("3")
    page.get_by_role("button", name="Start training").click()
    expect(page).to_have_url(re.compile(r"/experiments/\d+$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("From the form")
    expect(page.locator("#runs tbody tr")).to_have_count(2)


def test_the_form_cannot_be_submitted_before_its_script_is_loaded(page: Page) -> None:
    held: list[Route] = []
    page.route(re.compile("new_experiment.js"), lambda route: held.append(route))
    with page.expect_request(re.compile("new_experiment.js")):
        page.goto("/experiments/new", wait_until="commit")
    button = page.get_by_role("button", name="Start training")
    expect(button).to_be_disabled()
    held.pop().continue_()
    expect(button).to_be_enabled()


def test_the_cost_is_shown_before_submission(page: Page) -> None:
    page.goto("/experiments/new")
    page.get_by_label("Width").fill("2, 8")
    page.get_by_label("Depth").fill("1")
    page.get_by_label("Seeds", exact=True).fill("3")
    expect(page.locator("#runs")).to_have_text("6")
    expect(page.locator("#parameters")).to_have_text("12 and 42")
    expect(page.locator("#time")).to_have_text(re.compile(r"\d s"))


def test_an_error_is_shown_next_to_its_field(page: Page, expected_errors: list[str]) -> None:
    expected_errors.append(REFUSED)
    page.goto("/experiments/new")
    width = page.get_by_label("Width")
    width.fill("8, -1")
    page.get_by_role("button", name="Start training").click()
    sentence = "“Width” is -1; accepted: a whole number from 1 to 10,000."
    expect(width).to_have_attribute("aria-invalid", "true")
    expect(width).to_have_accessible_description(re.compile(re.escape(sentence)))
    expect(width).to_be_focused()
    expect(page).to_have_url(re.compile("/experiments/new$"))


def test_a_corrected_field_loses_its_error(page: Page, expected_errors: list[str]) -> None:
    expected_errors.append(REFUSED)
    page.goto("/experiments/new")
    width = page.get_by_label("Width")
    width.fill("none")
    expect(width).to_have_attribute("aria-invalid", "true")
    width.fill("4")
    expect(width).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("[id='model.width-error']")).to_be_empty()


def test_an_error_shows_the_correct_notation(page: Page, expected_errors: list[str]) -> None:
    expected_errors.append(REFUSED)
    page.goto("/experiments/new")
    for label, text, answer_text in (
        ("Train samples", "20;50", "Several values take commas between them: 20, 50."),
        ("Depth", "1-3", "Several values take commas between them: 1, 2, 3."),
        ("Learning rate", "0,005", "“Learning rate” is 0; accepted: a number above 0 up to 10."),
        ("Learning rate", "0,005", "Decimals take a point: 0.005."),
        ("Input noise", "0,5", "These are two values, 0 and 5. Decimals take a point: 0.5."),
        ("Patience", "5, 10", "This field holds one value."),
    ):
        field = page.get_by_role("textbox", name=label, exact=True)
        field.fill(text)
        expect(field).to_have_accessible_description(re.compile(re.escape(answer_text)))
        field.fill("")


def test_only_fields_that_apply_are_shown(page: Page) -> None:
    page.goto("/experiments/new")
    expect(page.get_by_label("Degree")).to_be_hidden()
    page.get_by_role("group", name="Kind of model").get_by_text("Polynomial").click()
    expect(page.get_by_label("Degree")).to_be_visible()
    expect(page.get_by_label("Width")).to_be_hidden()


def test_placeholders_follow_the_source(page: Page) -> None:
    page.goto("/experiments/new")
    samples = page.get_by_label("Train samples", exact=True)
    expect(samples).to_have_attribute("placeholder", "200")
    page.get_by_role("checkbox", name="Iris flowers").check(force=True)
    expect(samples).to_have_attribute("placeholder", "200 or 60")
    page.get_by_role("checkbox", name="Two moons").uncheck(force=True)
    expect(samples).to_have_attribute("placeholder", "60")


def test_the_form_is_shown_as_yaml(page: Page) -> None:
    page.goto("/experiments/new")
    page.get_by_label("Name").fill("A: b # c")
    page.get_by_label("Width").fill("2, 8")
    expect(page.locator("#yaml")).to_have_text(
        'name: "A: b # c"\ndataset:\n  source: moons\nmodel:\n  width: [2, 8]\n'
    )
    page.get_by_role("radio", name="GPU").check(force=True)
    expect(page.locator("#yaml")).to_contain_text("device: gpu\n")
    expect(page.locator("[id='device-help']")).to_have_text(
        "Waits for a worker that trains on a GPU."
    )


def test_a_preset_fills_the_form_in(page: Page) -> None:
    page.goto("/experiments/new?preset=five-dots")
    expect(page.get_by_label("Degree")).to_have_value("1, 6")
    expect(page.locator("#runs")).to_have_text("6")
    expect(page.locator("#parameters")).to_have_text("2 and 7")


def test_an_error_in_a_collapsed_section_expands_it(page: Page, expected_errors: list[str]) -> None:
    expected_errors.append(REFUSED)
    page.goto("/experiments/new?preset=five-dots")
    momentum = page.get_by_label("Momentum")
    expect(momentum).to_be_hidden()
    fold = page.get_by_role("group", name="Training").get_by_text("More settings")
    fold.click()
    momentum.fill("2")
    expect(
        page.get_by_text("“Momentum” is 2")
    ).to_be_visible()  # otherwise it would expand the section
    fold.click()
    expect(momentum).to_be_hidden()
    page.get_by_role("button", name="Start training").click()
    expect(momentum).to_be_focused()


def test_a_section_without_applicable_fields_is_hidden(page: Page) -> None:
    page.goto("/experiments/new?preset=five-dots")
    folds = page.get_by_role("group", name="Model").get_by_text("More settings")
    expect(folds).to_be_hidden()


def test_the_chosen_source_is_described(page: Page) -> None:
    page.goto("/experiments/new")
    source = page.get_by_role("group", name="Data set")
    expect(source).to_contain_text("Two interleaved half circles in the plane.")
    page.get_by_role("checkbox", name="Iris flowers").check(force=True)
    expect(source).to_contain_text("150 flowers of three species")


def test_the_grid_and_the_data_are_previewed_while_typing(page: Page) -> None:
    page.goto("/experiments/new")
    page.get_by_label("Width").fill("2, 8, 32")
    page.get_by_label("Train samples", exact=True).fill("20, 100")
    expect(page.locator(".sizes tbody tr")).to_have_count(3)
    expect(page.locator(".data-pictures li")).to_have_count(2)
    expect(page.locator(".data-pictures svg").first.locator(".class-0, .class-1")).to_have_count(20)
    page.get_by_label("Label noise", exact=True).fill("0.5")
    expect(page.locator(".data-pictures .wrong").first).to_be_visible()


def test_what_was_typed_survives_a_reload_and_an_error_hides_the_old_preview(
    page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append(REFUSED)
    page.goto("/experiments/new")
    page.get_by_label("Width").fill("2^1..2^4")
    page.get_by_role("checkbox", name="Two circles").check(force=True)
    expect(page.locator("#runs")).to_have_text("8")
    expect(page.get_by_text("2 are on: each is trained.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Width")).to_have_value("2^1..2^4")
    expect(page.locator("#yaml")).to_contain_text("width: [2, 4, 8, 16]")
    expect(page.locator(".sizes")).to_be_visible()
    page.get_by_role("checkbox", name="Convolutional network").check(force=True)
    expect(page.get_by_text("“Kind of model” is Convolutional network")).to_be_visible()
    expect(page.locator(".sizes")).to_be_hidden()
    page.goto("/experiments/new")
    expect(page.get_by_label("Width")).to_have_value("")


def test_the_problem_narrows_the_sources_and_chooses_one(page: Page) -> None:
    page.goto("/experiments/new")
    expect(page.get_by_role("radio", name="classification")).to_be_checked()
    page.get_by_text("regression: predict").click()
    expect(page.get_by_role("checkbox", name="Two moons")).to_be_hidden()
    expect(page.get_by_role("checkbox", name="Five dots")).to_be_checked()
    expect(page.locator("#yaml")).to_have_text("dataset:\n  source: points\n")
    expect(page.get_by_label("Target noise", exact=True)).to_be_visible()


def test_a_copy_of_an_experiment_is_edited_and_submitted(page: Page, lab: str) -> None:
    document = {"name": "Original", "dataset": {"source": "circles", "n_train": [10, 20]},
                "training": {"epochs": 2, "seeds": [3, 4]}}  # fmt: skip
    experiment = httpx.post(f"{lab}/api/experiments", json=document).json()
    page.goto(experiment["url"])
    page.get_by_role("link", name="Duplicate and edit").click()
    expect(page.get_by_label("Seeds", exact=True)).to_have_value("3, 4")
    page.get_by_label("Train samples", exact=True).fill("15,")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Original")
    expect(page.locator("#runs tbody tr")).to_have_count(2)


def test_a_slider_writes_into_its_field(page: Page) -> None:
    page.goto("/experiments/new")
    page.get_by_label("Input noise, as a slider").fill("0.15")
    expect(page.get_by_label("Input noise", exact=True)).to_have_value("0.15")
    expect(page.locator("#yaml")).to_contain_text("input_noise: 0.15")


def test_the_train_share_splits_the_samples(page: Page) -> None:
    page.goto("/experiments/new")
    page.get_by_label("Share of the samples").fill("50")
    expect(page.locator("#yaml")).to_contain_text("n_train: 350\n  n_validation: 350")
    page.get_by_label("Train samples", exact=True).fill("10, 20")
    expect(page.get_by_label("Share of the samples")).to_be_disabled()


def test_features_are_toggled_and_layers_replace_depth_and_width(page: Page) -> None:
    page.goto("/experiments/new")
    page.get_by_role("checkbox", name="x1*x2").check(force=True)
    page.get_by_label("Neurons of each layer").fill("8-4")
    expect(page.get_by_label("Width")).to_be_hidden()
    written = 'model:\n  features: "x1 + x2 + x1*x2"\n  layers: "8-4"\n'
    expect(page.locator("#yaml")).to_contain_text(written)
    expect(page.locator("#parameters")).to_have_text("78")


def test_a_setting_explains_why_it_matters(page: Page) -> None:
    page.goto("/experiments/new")
    field = page.locator("[data-path='dataset.n_train']")
    field.get_by_text("Why it matters").click()
    expect(field).to_contain_text("Too little data is the first cause of overfitting")


def test_values_of_fields_that_no_longer_apply_are_not_sent(
    page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append(REFUSED)
    page.goto("/experiments/new")
    page.get_by_label("Width").fill("2, 8")
    expect(page.locator("#runs")).to_have_text("2")
    page.get_by_role("group", name="Kind of model").get_by_text("Polynomial").click()
    expect(page.locator("#runs")).to_have_text("1")
    expect(page.locator("#yaml")).not_to_contain_text("width")
    expect(page.locator("#form-error")).to_be_empty()


def test_submitting_at_once_leaves_out_fields_that_do_not_apply(
    page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append(REFUSED)
    page.goto("/experiments/new")
    page.get_by_label("Width").fill("2, 8")
    page.get_by_label("Epochs", exact=True).fill("2")
    page.get_by_text("Polynomial", exact=True).click()
    page.get_by_role("button", name="Start training").click()
    expect(page).to_have_url(re.compile(r"/experiments/\d+$"))


def test_the_form_can_be_filled_in_while_the_service_is_unreachable(
    page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append("net::ERR")
    page.goto("/experiments/new")
    expect(page.locator("#runs")).to_have_text("1")
    page.route("**/api/experiments*", lambda route: route.abort())
    page.get_by_label("Width").fill("2, 8")
    expect(page.locator("#yaml")).to_contain_text("width: [2, 8]")
    expect(page.locator("#form-error")).to_contain_text("Try again")
    page.unroute("**/api/experiments*")
    page.get_by_label("Width").fill("2, 4")
    expect(page.locator("#runs")).to_have_text("2")
