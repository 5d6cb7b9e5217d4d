"""Unit tests of the JavaScript modules, in the browser: each imports a module in a blank page."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from backend.export.files import csv_lines
from frontend import assets, formatting
from tests.unit.test_cells import FORMULAS

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def blank(browser: Browser, lab: str) -> Iterator[Page]:
    """A page of the product without scripts of its own."""
    page = browser.new_page()
    page.goto(f"{lab}/healthz")
    yield page
    page.close()


@pytest.fixture
def run(blank: Page) -> Run:
    """A function that evaluates an expression over `module`, a module of js/, and `argument`."""

    def evaluate(name: str, expression: str, argument: Any = None) -> Any:
        source = f"""async (argument) => {{
          const module = await import("{assets.static_url(f"js/{name}.js")}");
          return {expression};
        }}"""
        return blank.evaluate(source, argument)

    return evaluate


# --- id_ranges.js


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", []),
        ("3", [3]),
        ("3,7-9", [3, 7, 8, 9]),
        ("9-7", []),
        ("1, 2", [1]),
        ("x,4,-5,1e3", [4]),
        ("2-3,3-4", [2, 3, 4]),
    ],
)
def test_ids_are_parsed_from_a_url(run: Run, text: str, ids: list[int]) -> None:
    assert run("id_ranges", "[...module.parseIds(argument)]", text) == ids


def test_a_huge_range_of_ids_is_cut_off(run: Run) -> None:
    assert run("id_ranges", "module.parseIds('1-9999999999').size") == 10_000


@pytest.mark.parametrize(
    ("ids", "text"), [([], ""), ([5], "5"), ([9, 1, 2, 3], "1-3,9"), ([1, 2], "1-2")]
)
def test_ids_are_formatted_as_ranges(run: Run, ids: list[int], text: str) -> None:
    assert run("id_ranges", "module.formatIds(argument)", ids) == text


def test_formatted_ids_are_parsed_to_the_same_set(run: Run) -> None:
    ids = [*range(1, 50), 60, 62, *range(70, 90)]
    assert run("id_ranges", "[...module.parseIds(module.formatIds(argument))]", ids) == ids


# --- spec_export.js


@pytest.mark.parametrize(
    ("specification", "yaml"),
    [
        ({"name": "A: b"}, 'name: "A: b"\n'),
        ({"model": {"width": [2, 8]}}, "model:\n  width: [2, 8]\n"),
        ({"dataset": {"source": "moons"}}, "dataset:\n  source: moons\n"),
        ({"name": "yes"}, 'name: "yes"\n'),
        ({"variants": [{"name": "a"}]}, 'variants:\n  - {"name":"a"}\n'),
    ],
)
def test_a_specification_is_written_as_yaml(run: Run, specification: Any, yaml: str) -> None:
    assert run("spec_export", "module.toYaml(argument)", specification) == yaml


def test_a_curl_command_escapes_quotes(run: Run) -> None:
    command = run("spec_export", "module.toCurl(argument, 'http://lab')", {"name": "it's"})
    assert command.startswith("curl http://lab/api/experiments \\\n")
    assert """-d '{"name":"it'\\''s"}'""" in command


# --- validation_messages.js

FIELD = """(([text, accepted, isSingle]) => {
  const field = document.createElement("div");
  field.innerHTML = '<label>Width</label><input type="text">';
  field.querySelector("input").value = text;
  field.dataset.accepted = accepted;
  if (isSingle) field.dataset.single = "";
  return field;
})(argument)"""


@pytest.mark.parametrize(
    ("text", "accepted", "advice"),
    [
        ("20;50", "a whole number", "Several values take commas between them: 20, 50."),
        ("1-3", "a whole number", "Several values take commas between them: 1, 2, 3."),
        ("0,5", "a number", "Decimals take a point: 0.5."),
        ("20, 50", "a whole number", ""),
        ("abc", "a whole number", ""),
        ("moons", "a name", ""),
    ],
)
def test_advice_on_notation(run: Run, text: str, accepted: str, advice: str) -> None:
    assert run("validation_messages", f"module.advice({FIELD})", [text, accepted]) == advice


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1..4", ["1", "2", "3", "4"]),
        ("0 .. 2", ["0", "1", "2"]),
        ("2^3..2^5", ["8", "16", "32"]),
        ("10^2", ["100"]),
        ("4..1", ["4..1"]),
        ("1..9999999999", ["1..9999999999"]),
        ("2^1..3^2", ["2^1..3^2"]),
        ("16-8-4", ["16-8-4"]),
        ("0.5", ["0.5"]),
    ],
)
def test_ranges_are_written_out(run: Run, text: str, values: list[str]) -> None:
    assert run("ranges", "module.expand(argument)", text) == values


def test_advice_for_a_field_of_one_value(run: Run) -> None:
    field = ["1,2", "a number", True]
    assert run("validation_messages", f"module.advice({FIELD})", field) == (
        "This field holds one value."
    )


def test_a_decimal_comma_is_ambiguous(run: Run) -> None:
    doubt = run("validation_messages", f"module.doubt({FIELD})", ["0,5", "a number"])
    assert doubt == "These are two values, 0 and 5. Decimals take a point: 0.5."


def test_errors_call_fields_by_their_labels(run: Run) -> None:
    sentence = run(
        "validation_messages",
        f"module.withLabels('model.width[0] is 0.', new Map([['model.width', {FIELD}]]))",
        ["", ""],
    )
    assert sentence == "“Width” is 0."


@pytest.mark.parametrize(
    ("text", "is_number"), [("1", True), ("-.5e3", True), ("1.", True), ("", False), ("1x", False)]
)
def test_numbers_are_recognised(run: Run, text: str, is_number: bool) -> None:
    assert run("validation_messages", "module.isNumber(argument)", text) is is_number


# --- save.js


EPOCHS = "{ xaxis: { title: { text: 'epoch' } } }"


@pytest.mark.parametrize(
    ("trace", "csv"),
    [
        ({"name": "Train", "x": [2, 1], "y": [None, 0.5]}, "epoch,train\n1,0.5\n2,\n"),
        ({"name": "=1", "x": [1, 1], "y": [2, 3]}, 'series,x,y\n"\'=1",1,2\n"\'=1",1,3\n'),
        ({"name": "<b>A & b</b>", "x": [1], "y": [2]}, "epoch,a_b\n1,2\n"),
        ({"name": "f", "z": [[1, 2]]}, "series,x,y,z\nf,0,0,1\nf,1,0,2\n"),
        ({"x": [1], "y": [2], "hoverinfo": "skip"}, "series,x,y\n"),
        (
            {"name": "Test", "x": [3], "y": ["a<br>b &lt;1"], "error_x": {"array": [1]}},
            'name,test,test_low,test_high\n"a b <1",3,2,4\n',
        ),
    ],
)
def test_traces_are_written_as_csv(run: Run, trace: Any, csv: str) -> None:
    assert run(
        "save", "module.toCsv([argument], LAYOUT)".replace("LAYOUT", EPOCHS), trace
    ) == csv.replace("\n", "\r\n")


# --- throttle.js

COUNT_RUNS = """(async () => {
  let runs = 0, atOnce = 0, most = 0;
  const throttle = new module.Throttle(async () => {
    runs++;
    most = Math.max(most, ++atOnce);
    await new Promise((resolve) => setTimeout(resolve, 5));
    atOnce--;
    if (argument === "fails") throw new Error("expected");
    return argument;
  }, 1);
  const requests = Array.from({ length: 10 }, () => throttle.request());
  await Promise.all(requests);
  return { runs, most };
})()"""


def test_requests_during_work_are_joined_into_one(run: Run) -> None:
    assert run("throttle", COUNT_RUNS) == {"runs": 2, "most": 1}


def test_work_that_fails_is_done_again_on_request(run: Run) -> None:
    assert run("throttle", COUNT_RUNS, "fails") == {"runs": 2, "most": 1}


def test_work_can_ask_for_a_longer_pause(run: Run) -> None:
    elapsed = run(
        "throttle",
        """(async () => {
          const begun = performance.now();
          await new module.Throttle(async () => 150, 1).request();
          return performance.now() - begun;
        })()""",
    )
    assert elapsed >= 145  # timers may fire a little early


# --- morph.js

MORPH = """((before, after, act = () => null) => {
  const parse = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };
  const from = parse(before);
  document.body.replaceChildren(from);
  const old = new Map([...from.querySelectorAll("*")].map((node) => [node, node.outerHTML]));
  const to = parse(after);
  const result = act(from);
  module.morph(from, to);
  const now = document.body.firstElementChild;
  const stayed = [...now.querySelectorAll("*")].map((node) => old.has(node));
  return { html: now.outerHTML, stayed, result };
})"""


@pytest.mark.parametrize(
    ("before", "after", "stayed"),
    [
        ("<p>a</p>", "<p>b</p>", []),
        ("<div><p>a</p></div>", "<div><p class='x'>b</p></div>", [True]),
        ("<div><p id='a'>a</p></div>", "<div><p id='b'>b</p><p id='a'>a</p></div>", [False, True]),
        (
            "<ul><li data-key='1'>a</li><li data-key='2'>b</li></ul>",
            "<ul><li data-key='2'>b</li></ul>",
            [True],
        ),
        (
            "<ul><li data-key='1'>a</li><li data-key='2'>b</li></ul>",
            "<ul><li data-key='2'>b</li><li data-key='1'>a</li></ul>",
            [True, True],
        ),
        ("<div><p>a</p><b>b</b></div>", "<div><i>i</i><p>a</p><b>b</b></div>", [False, True, True]),
        ("<div>text</div>", "<div><b>b</b>text</div>", [False]),
    ],
)
def test_morph_changes_a_tree_and_keeps_its_elements(
    run: Run, before: str, after: str, stayed: list[bool]
) -> None:
    result = run("morph", f"{MORPH}(...argument)", [before, after])
    assert result["html"] == after.replace("'", '"')
    assert result["stayed"] == stayed


def test_morph_replaces_an_element_of_another_key(run: Run) -> None:
    before, after = "<div><p id='a'><b>b</b></p></div>", "<div><p id='c'><b>b</b></p></div>"
    assert run("morph", f"{MORPH}(...argument)", [before, after])["stayed"] == [False, False]


@pytest.mark.parametrize(
    ("owns", "html"),
    [
        ("children", '<div><p data-owns="children" class="b">drawn</p></div>'),
        ("all", '<div><p data-owns="all" class="a">drawn</p></div>'),
    ],
)
def test_morph_leaves_alone_what_an_element_owns(run: Run, owns: str, html: str) -> None:
    before = f'<div><p data-owns="{owns}" class="a">drawn</p></div>'
    after = f'<div><p data-owns="{owns}" class="b">empty</p></div>'
    assert run("morph", f"{MORPH}(...argument)", [before, after])["html"] == html


def test_morph_keeps_an_element_open_and_in_focus(run: Run) -> None:
    before = "<div><details><summary>s</summary></details></div>"
    after = "<div><p>new</p><details><summary>t</summary></details></div>"
    act = """(root) => {
      root.querySelector("details").open = true;
      root.querySelector("summary").focus();
    }"""
    result = run(
        "morph",
        f"""(() => {{
          {MORPH}(...argument, {act});
          return [document.querySelector("details").open, document.activeElement.textContent];
        }})()""",
        [before, after],
    )
    assert result == [True, "t"]


# --- curve_growth.js


def series(values: list[float | None], first: int = 1) -> dict[str, Any]:
    return {"steps": list(range(first, first + len(values))), "values": values}


def test_the_gap_is_validation_minus_train_where_both_are_known(run: Run) -> None:
    metrics = {"train_loss": series([1, 2, None]), "val_loss": series([5, 7, 9, 9], first=2)}
    assert run("curve_growth", "module.gap(argument)", metrics) == {
        "steps": [2, 3],
        "values": [3, None],
    }


def test_there_is_no_gap_without_validation(run: Run) -> None:
    assert run("curve_growth", "module.gap(argument) === undefined", {"train_loss": series([1])})


@pytest.mark.parametrize(
    ("drawn", "steps", "new"),
    [([], [1, 2], [1, 2]), ([1, 2], [2, 3], [3]), ([1, 2], [1, 2], []), ([5], [1, 2], [])],
)
def test_points_that_are_drawn_already_are_not_new(
    run: Run, drawn: list[int], steps: list[int], new: list[int]
) -> None:
    argument = [{"x": drawn}, {"steps": steps, "values": steps}]
    points = run("curve_growth", "module.newPoints(...argument)", argument)
    assert points == {"x": new, "y": new}


@pytest.mark.parametrize(
    ("best", "values", "epoch"),
    [(None, [3, 1, 2], 2), (None, [None, 4], 2), ({"epoch": 0, "value": 1}, [1, 2], 0)],
)
def test_the_best_epoch_is_the_first_of_the_lowest_loss(
    run: Run, best: Any, values: list[float | None], epoch: int
) -> None:
    best_epoch = run("curve_growth", "module.lowest(...argument)", [best, series(values)])
    assert best_epoch["epoch"] == epoch


def test_without_a_finite_loss_there_is_no_best_epoch(run: Run) -> None:
    assert run("curve_growth", "module.lowest(null, argument)", series([None])) is None


@pytest.mark.parametrize("is_log", [False, True])
def test_thinning_keeps_ends_and_extremes_at_shared_steps(run: Run, is_log: bool) -> None:
    steps = list(range(1, 5001))
    wave = [(step * 37) % 101 for step in steps]
    peak = [1000 if step == 1234 else 0 for step in steps]
    traces = [{"x": steps, "y": wave}, {"x": steps, "y": peak}]
    thinned = run(
        "curve_growth",
        "(module.thin(argument[0], 100, argument[1]), argument[0])",
        [traces, is_log],
    )
    assert thinned[0]["x"] == thinned[1]["x"]
    assert thinned[0]["x"][0] == 1
    assert thinned[0]["x"][-1] == 5000
    assert len(thinned[0]["x"]) < 300
    assert 1000 in thinned[1]["y"]


MARKED = """(() => {
  const named = (name) => ({ name });
  const layout = {
    xaxis: { type: "linear" },
    shapes: ["after the best epoch", "best epoch", "early stop"].map(named),
    annotations: ["best epoch", "early stop"].map(named),
  };
  module.moveMarks(layout, argument, 1200);
  return layout;
})()"""


def test_marks_move_to_their_epochs(run: Run) -> None:
    layout = run("curve_growth", MARKED, {"best epoch": 1100, "early stop": None})
    shade, best, stop = layout["shapes"]
    assert (shade["x0"], shade["x1"], shade["visible"]) == (1100, 1200, True)
    assert (best["x0"], best["visible"], stop["visible"]) == (1100, True, False)
    assert layout["annotations"][0]["text"] == "best epoch 1,100"
    assert layout["annotations"][0]["xanchor"] == "right"


# --- format.js

SECONDS = [0.2, 1, 59.6, 99, 100, 5999, 6000, 86_400, 172_800, 1e6]


def test_durations_are_written_as_on_the_server(run: Run) -> None:
    written = run("format", "argument.map(module.duration)", SECONDS)
    assert written == [formatting.duration(seconds) for seconds in SECONDS]


def test_an_estimate_is_approximate(run: Run) -> None:
    assert run("format", "argument.map(module.approximateDuration)", [0.1, 30]) == [
        "under 1 s",
        "about 30 s",
    ]


def test_amounts_are_written_with_their_noun(run: Run) -> None:
    written = run("format", "argument.map((amount) => module.count(amount, 'run'))", [1, 1200])
    assert written == ["1 run", "1,200 runs"]


# --- service_watch.js

HEALTHY = {"queued": 0, "running": 0, "workers": [], "broker": True}


@pytest.mark.parametrize(
    ("status", "health", "sentence"),
    [
        (200, HEALTHY, ""),
        (200, {**HEALTHY, "queued": 1}, "No worker is running. 1 run is waiting; it starts when"),
        (
            200,
            {**HEALTHY, "queued": 3, "broker": False},
            "The message broker is unreachable. 3 runs are waiting; they start when it is back.",
        ),
        (200, {**HEALTHY, "disk_full": True}, "The disk is full."),
        (200, {**HEALTHY, "read_only": True}, "The database is read-only."),
        (401, {}, "You are signed out."),
        (503, {"detail": "The database does not answer."}, "The database does not answer. Workers"),
        (0, {}, ""),
    ],
)
def test_the_banner_explains_why_runs_wait(
    run: Run, status: int, health: Any, sentence: str
) -> None:
    argument = [status == 200, status, health]
    shown = run("service_watch", "module.warning(...argument)", argument)
    assert shown.startswith(sentence) if sentence else shown == ""


# --- api.js


def test_a_failed_request_resolves_to_an_explanation(run: Run, blank: Page, lab: str) -> None:
    blank.route("**/nowhere", lambda route: route.abort())
    answer = run("api", "module.getJson('/nowhere')")
    assert answer["ok"] is False
    assert answer["body"]["detail"] == "The service does not answer. Try again in a moment."


def test_an_error_of_the_service_comes_with_its_detail(run: Run) -> None:
    answer = run("api", "module.post('/api/experiments', {})")
    assert answer["status"] == 422
    assert json.dumps(answer["body"]).count("detail")


# --- save.js


def test_cells_of_a_charts_data_are_those_of_the_services_exports(run: Run) -> None:
    rows: list[list[object]] = [["series", "x", "y"], *([text, 1, 2] for text in FORMULAS)]
    csv = run("save", "module.asCsv(argument)", rows)
    assert csv.encode() == b"".join(csv_lines([row])[:-1] + b"\r\n" for row in rows)


def test_a_band_becomes_two_columns(run: Run) -> None:
    band = {"name": "Val, interval", "x": [1, 2, 2, 1], "y": [3, 5, 4, 1], "hoverinfo": "skip"}
    csv = run("save", "module.toCsv(argument)", [band, {"name": "Val", "x": [1, 2], "y": [2, 4.5]}])
    assert csv.splitlines() == ["x,val,val_low,val_high", "1,2,1,3", "2,4.5,4,5"]


@pytest.mark.parametrize(
    ("path", "chart", "name"),
    [
        ("/runs/9", "loss", "run-9-loss"),
        ("/experiments/3", "capacity-chart", "experiment-3-capacity"),
        ("/compare", "overlay-val", "compare-overlay-val"),
    ],
)
def test_files_are_named_after_their_page(run: Run, path: str, chart: str, name: str) -> None:
    assert run("save", "module.fileName(...argument)", [path, chart]) == name
