"""The same network in four APIs, trained on handwritten digits: `python -m bench.frameworks`.

The examples train for real and log to the product with their own clients. Their runs are read back
from it, and their losses are written as a chart and tables to docs/frameworks.md. `--python` is the
Python of the environment that `./lab test --examples` installs.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

import plotly.graph_objects as go
from playwright.sync_api import sync_playwright

from backend.diagnosis import diagnose
from backend.pairing import LossPair
from bench.docs_section import replace_section
from tests.e2e.browser import find
from tests.examples.tracked import Json, Tracked
from tests.product import run_product

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "frameworks.md"
PICTURE = ROOT / "docs" / "images" / "frameworks.png"
APIS = {
    "PyTorch": "pytorch_loop",
    "Lightning": "lightning_module",
    "Keras": "keras_fit",
    "TensorFlow": "tensorflow_tape",
}
COLOURS = dict(zip(APIS, ("#0068b3", "#1b7a3d", "#b84700", "#7b3fb5"), strict=True))
WIDE, EPOCHS = ["512"], 200
SIZES = {"no hidden layer": [], "2 neurons": ["2"], "512 neurons": WIDE}
EXPERIMENT = "digits"


@dataclass(frozen=True)
class Trained:
    """One run that was read back: its API, its hidden layers, and its losses."""

    api: str
    hidden: str
    pair: LossPair
    accuracy: float

    @property
    def best(self) -> float:
        """The lowest validation loss."""
        return float(self.pair.validation.values.min())


def train(python: str, url: str, api: str, hidden: Sequence[str], seed: int) -> float:
    """Train one example; return the seconds that its process took."""
    options = ["--hidden", *hidden, "--epochs", str(EPOCHS), "--seed", str(seed)]
    servers = {"MLFLOW_TRACKING_URI": url, "LAB_SERVER": url}
    quick = {
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }  # threads cost small networks time
    begun = time.perf_counter()
    subprocess.run(
        [python, f"{APIS[api]}.py", *options], cwd=ROOT / "examples" / "frameworks",
        env=os.environ | servers | quick, check=True, capture_output=True,
    )  # fmt: skip
    return time.perf_counter() - begun


def read(tracked: Tracked, run: Json) -> Trained:
    """Return a run with its losses."""
    params = {param["key"]: param["value"] for param in run["data"]["params"]}
    pair = tracked.pairing(run).pair
    if pair is None:
        raise ValueError(f"the run {run['info']['run_name']} has no losses")
    if pair.accuracy is None:
        raise ValueError(f"the run {run['info']['run_name']} has no validation accuracy")
    return Trained(params["api"], params["hidden"], pair, float(pair.accuracy.values[-1]))


def comparison_table(runs: Sequence[Trained]) -> str:
    """Return a row for each API: means and standard deviations over seeds."""
    rows = [
        "| API | lowest validation loss | at epoch | last validation loss | last train loss | "
        "validation accuracy | verdicts |",
        "|---|---|---|---|---|---|---|",
    ]
    for api in APIS:
        own = [run for run in runs if run.api == api and run.hidden == str([int(WIDE[0])])]
        best_steps = [float(run.pair.validation.lowest or 0) for run in own]
        verdicts = [diagnose(run.pair.curve).verdict.value for run in own]
        counted = {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}
        cells = [
            _spread([run.best for run in own], 3),
            _spread(best_steps, 0),
            _spread([float(run.pair.validation.values[-1]) for run in own], 3),
            _spread([float(run.pair.train.values[-1]) for run in own], 5),
            _spread([100 * run.accuracy for run in own], 1) + " %",
            ", ".join(f"{verdict} ({amount})" for verdict, amount in counted.items()),
        ]
        rows.append(f"| {api} | {' | '.join(cells)} |")
    return "\n".join(rows)


def sizes_table(runs: Sequence[Trained]) -> str:
    """Return a row for each size of the network, trained by the loop in PyTorch."""
    rows = [
        "| hidden layer | train loss | validation loss | gap | validation accuracy | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for title, hidden in SIZES.items():
        wanted = str([int(width) for width in hidden])
        run = next(run for run in runs if run.api == "PyTorch" and run.hidden == wanted)
        train_loss, loss = (float(s.values[-1]) for s in (run.pair.train, run.pair.validation))
        verdict = diagnose(run.pair.curve).verdict.value
        rows.append(
            f"| {title} | {train_loss:.3f} | {loss:.3f} | {loss - train_loss:.3f} | "
            f"{run.accuracy:.1%} | {verdict} |"
        )
    return "\n".join(rows)


def _spread(values: Sequence[float], digits: int) -> str:
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{spread}"


def chart(runs: Sequence[Trained]) -> go.Figure:
    """Return the losses of all runs of the wide network; solid is train, dashed validation."""
    figure = go.Figure()
    shown: set[str] = set()
    for run in (run for run in runs if run.hidden == str([int(WIDE[0])])):
        for part, dash in (("train", "solid"), ("validation", "dash")):
            series = getattr(run.pair, part)
            name = f"{run.api}, {part}"
            figure.add_scatter(
                x=series.steps, y=series.values, name=name, legendgroup=name,
                showlegend=name not in shown, opacity=0.75,
                line={"color": COLOURS[run.api], "dash": dash, "width": 1.6},
            )  # fmt: skip
            shown.add(name)
    figure.update_layout(
        template="plotly_white", width=1000, height=520,
        margin={"l": 70, "r": 20, "t": 20, "b": 60},
        font={"family": "system-ui, sans-serif", "size": 14}, xaxis_title="epoch",
    )  # fmt: skip
    return figure.update_yaxes(type="log", title="loss (cross-entropy)", tickformat="~g")


def write_picture(figure: go.Figure) -> None:
    """Draw a figure in Chromium."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "chart.html"
        figure.write_html(page_file, config={"staticPlot": True})
        browser = playwright.chromium.launch(executable_path=find(playwright))
        page = browser.new_page(viewport={"width": 1016, "height": 536})
        page.goto(page_file.as_uri())
        page.wait_for_selector(".main-svg")
        page.locator(".plotly-graph-div").screenshot(path=PICTURE)
        browser.close()


def train_all(python: str, data_dir: Path, seeds: int) -> list[Trained]:
    """Train every API and every size; return their runs as the product recorded them."""
    with run_product(data_dir, workers="0") as product:
        for seed in range(seeds):
            for api in APIS:
                print(f"{api}: {train(python, product.url, api, WIDE, seed):.0f} s", flush=True)
        for hidden in SIZES.values():
            if hidden != WIDE:
                train(python, product.url, "PyTorch", hidden, 0)
        tracked = Tracked(product.url)
        return [read(tracked, run) for run in reversed(tracked.runs(EXPERIMENT))]


def main() -> None:
    """Train, read back, and write chart and tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=str(ROOT / ".venv-examples" / "bin" / "python"))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        runs = train_all(options.python, Path(folder) / "data", options.seeds)
    write_picture(chart(runs))
    picture = "![Train and validation loss of all runs in four APIs](images/frameworks.png)"
    note = "Values are means over seeds, with one standard deviation."
    table = f"{picture}\n\n{comparison_table(runs)}\n\n{note}"
    replace_section("four APIs", table, PAGE)
    replace_section("sizes", sizes_table(runs), PAGE)


if __name__ == "__main__":
    main()
