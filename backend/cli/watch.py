"""Following an experiment on the terminal, and the text tables of its results."""

import time
from collections import Counter
from collections.abc import Hashable, Sequence
from contextlib import suppress
from statistics import median

from backend.analysis.cells import N_TRAIN, SEED, cell_key, group_by, varying
from backend.cli.client import Client
from backend.cli.terminal import say, say_progress
from backend.diagnosis.verdicts import Verdict, slug
from backend.errors import InvalidInput, NotFound, Unavailable
from backend.printable import printable
from backend.runs.roles import Roles
from backend.specification.hyperparameters import HYPERPARAMETERS
from backend.specification.params import JsonObject

MISSING = "-"
SWEEP = "sweep"  # the source of runs whose params are planned
RUN_COLUMNS = (
    "parameters", "n_train", "best epoch", "train loss", "val loss", "best val loss", "verdict",
)  # fmt: skip


def runs_table(runs: Sequence[JsonObject]) -> str:
    """Return a table with a row per cell. Numbers are medians over the seeds of the cell.

    External runs have a row each, unless they are those of a sweep, and only the columns with a
    value.
    """
    if not runs:
        return "The experiment has no runs."
    runs = _with_settings(runs)
    varied = _varied(runs)
    labels = [name for name in ("variant", "run_name") if any(run.get(name) for run in runs)]
    heads = [*(_LABELS[name] for name in labels), *map(_head, varied), *RUN_COLUMNS]
    rows = [
        [
            *(_text(cell[0].get(name)) for name in labels),
            *(_text(cell[0]["params"].get(path)) for path in varied),
            *_cell_values(cell),
        ]
        for cell in group_by(runs, _cell)
    ]
    columns = [
        [head, *column]
        for head, column in zip(heads, zip(*rows, strict=True), strict=True)
        if {*column} != {MISSING} or not any(run.get("external_id") for run in runs)
    ]
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in zip(*columns, strict=True)
    )


def _with_settings(runs: Sequence[JsonObject]) -> Sequence[JsonObject]:
    """Return the runs of a sweep with the hyperparameters that their params stand for."""
    if any(run.get("source") != SWEEP for run in runs):
        return runs
    roles = Roles.guessed(dict.fromkeys(name for run in runs for name in run["params"]))
    return [{**run, "params": roles.settings(run["params"]), "run_name": None} for run in runs]


_LABELS = {"variant": "variant", "run_name": "run"}


def _cell(run: JsonObject) -> Hashable:
    """Return the key of the row of a run: its cell, or the run itself if it is external."""
    is_alone = run.get("external_id") and run.get("source") != SWEEP
    return run["id"] if is_alone else cell_key(run["params"], run.get("variant"))


def _head(path: str) -> str:
    """Return the name of a hyperparameter; a param of another program keeps its name."""
    return path.rpartition(".")[2] if path in HYPERPARAMETERS else printable(path)


def _varied(runs: Sequence[JsonObject]) -> list[str]:
    """Return the hyperparameters that vary within a variant; its name stands for the others."""
    same_variant = [run for run in runs if run.get("variant") == runs[0].get("variant")]
    paths = varying([run["params"] for run in same_variant])
    return [path for path in paths if path not in (SEED, N_TRAIN)]


def _cell_values(cell: list[JsonObject]) -> list[str]:
    return [
        _text(cell[0]["parameters"]),
        _text(cell[0]["params"].get(N_TRAIN)),
        _median([run["best_epoch"] for run in cell]),
        _median([_summary(run, "train_loss", "last") for run in cell]),
        _median([_summary(run, "val_loss", "last") for run in cell]),
        _median([_summary(run, "val_loss", "min") for run in cell]),
        _verdict(cell),
    ]


def _summary(run: JsonObject, key: str, figure: str) -> float | None:
    value: float | None = run["summary"].get(key, {}).get(figure)
    return value


def _median(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return _text(median(known) if known else None)


def _verdict(cell: list[JsonObject]) -> str:
    words = Counter(str(run["verdict"] or run["status"]) for run in cell)
    if len(words) == 1:
        return next(iter(words))
    return ", ".join(f"{word} ({count} of {len(cell)})" for word, count in words.most_common())


def _text(value: object) -> str:
    if value is None:
        return MISSING
    return f"{value:.4g}" if isinstance(value, float) else printable(str(value))


COMPARISON_COLUMNS = (
    "variant", "val loss", "test loss", "test difference", "95 % for all", "epochs", "parameters",
    "cost",
)  # fmt: skip

QUESTIONS = {
    "last": "If you train on (last epoch):",
    "best": "If you keep the best snapshot (epoch of the lowest validation loss):",
}


def comparison_table(comparison: JsonObject) -> str:
    """Return a table of variants in the order of the comparison, between question and answer."""
    rows = [
        list(COMPARISON_COLUMNS),
        _comparison_row(comparison["baseline"]),
        *map(_comparison_row, comparison["variants"]),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    sentence = str(comparison["sentence"])
    question = QUESTIONS[comparison["at"]]
    return "\n".join([question, *lines, sentence[:1].upper() + sentence[1:]])


def _comparison_row(effect: JsonObject) -> list[str]:
    difference = effect["differences"].get("test_loss")
    return [
        _text(effect["name"]),
        _decimal(effect["means"].get("val_loss")),
        _decimal(effect["means"].get("test_loss")),
        f"{difference['mean']:+.3g}" if difference else "-",
        _interval(difference) if difference else "-",
        f"{effect['epochs']:.0f}",
        "-" if effect["parameters"] is None else f"{effect['parameters']:,}",
        "-" if effect["cost"] is None else f"{effect['cost']:.2g}x",
    ]


def _interval(difference: JsonObject) -> str:
    if difference["joint_low"] is None:
        return "one seed"
    if difference["joint_low"] == difference["joint_high"] == 0:
        return "the same model"
    interval = f"{difference['joint_low']:+.3g} to {difference['joint_high']:+.3g}"
    return interval if difference["resolved"] else f"{interval}, not resolved"


def _decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


POLL_SECONDS = 0.5
UNREACHABLE_SECONDS = 60  # a server that restarts responds well before
RUN_FAILED = 1


def follow(client: Client, experiment_id: int) -> int:
    """Print progress until every run has ended, then the results. Return 1 if a run failed."""
    path = f"/api/experiments/{experiment_id}"
    experiment = client.get(path)
    shown = ""
    while True:
        counts = experiment["counts"]
        unfinished = counts["queued"] + counts["running"]
        line = _progress(counts, unfinished)
        if line != shown:
            say_progress(line, last=not unfinished)
            shown = line
        if not unfinished:
            break
        time.sleep(POLL_SECONDS)
        experiment = _get_with_retries(client, path)
    say(runs_table(_all_runs(client, path)))
    if len((experiment["spec"] or {}).get("variants", [])) > 1:
        _compare(client, path)
    return RUN_FAILED if counts["failed"] else 0


VERDICT_MISSED = 3
FIRST_RUN_SECONDS = 120  # a program that has just been started may import for a minute
MAX_RUNNING = 20  # runs whose verdict up to now is read at each poll


def follow_until(client: Client, experiment_id: int, verdict: str) -> int:
    """Wait until a run has a verdict, and print which. Return 0, or VERDICT_MISSED without any.

    Runs that train here are diagnosed for it while they train. Ends when all runs have ended, or
    if none has begun after FIRST_RUN_SECONDS. Raises InvalidInput for an unknown verdict.
    """
    verdict = _known_verdict(verdict)
    path, shown = f"/api/experiments/{experiment_id}", ""
    deadline = time.monotonic() + FIRST_RUN_SECONDS
    while True:
        experiment = _get_with_retries(client, path)
        counts = experiment["counts"]
        unfinished = counts["queued"] + counts["running"]
        if run := _run_with(client, experiment, verdict):
            say(f"Run {run['id']} has the verdict {verdict}: {run['diagnosis']['sentence']}")
            return 0
        runs = sum(counts.values())
        line = _progress(counts, unfinished) if runs else "Waiting for a first run"
        if line != shown:
            say_progress(line, last=bool(runs) and not unfinished)
            shown = line
        if (runs and not unfinished) or (not runs and time.monotonic() > deadline):
            say(f"{'All runs have ended, none' if runs else 'No run'} with the verdict {verdict}.")
            return VERDICT_MISSED
        time.sleep(POLL_SECONDS)


def _known_verdict(written: str) -> str:
    """Return the name of a verdict, which may be written with hyphens. Raises InvalidInput."""
    names = {slug(name): name.value for name in Verdict}
    if slug(written) not in names:
        raise InvalidInput(f"--until is {written!r}; accepted: {', '.join(names.values())}.")
    return names[slug(written)]


def _run_with(client: Client, experiment: JsonObject, verdict: str) -> JsonObject | None:
    """Return a run with a verdict, None without any."""
    own = f"experiment = {experiment['id']}"
    stored = f'{own} and verdict = "{verdict}"'
    for run in client.get("/api/runs", filter=stored, limit=1)["items"]:
        return client.get(f"/api/runs/{run['id']}")
    if experiment["spec"] is None:  # verdicts of external runs are stored while they are logged
        return None
    running = client.get("/api/runs", filter=f"{own} and status = running", limit=MAX_RUNNING)
    details = (client.get(f"/api/runs/{run['id']}") for run in running["items"])
    return next((run for run in details if run["diagnosis"]["verdict"] == verdict), None)


def _compare(client: Client, path: str) -> None:
    """Print the comparison of the variants, which exists unless each variant is a whole grid."""
    with suppress(NotFound):
        for at in ("last", "best"):
            say(f"\n{comparison_table(client.get(f'{path}/comparison', at=at))}")


def _get_with_retries(client: Client, path: str) -> JsonObject:
    """Send a GET request, retrying for a while when the server is unreachable."""
    deadline = time.monotonic() + UNREACHABLE_SECONDS
    while True:
        try:
            return client.get(path)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)


def _progress(counts: dict[str, int], unfinished: int) -> str:
    total = sum(counts.values())
    notes = [f"{counts[state]} {state}" for state in ("running", "failed", "cancelled")]
    parts = [f"{total - unfinished} of {total} runs ended"]
    return ", ".join(parts + [note for note in notes if not note.startswith("0 ")])


def _all_runs(client: Client, path: str) -> list[JsonObject]:
    runs: list[JsonObject] = []
    query: JsonObject = {"limit": 1000}
    while True:
        page = client.get(f"{path}/runs", **query)
        runs += page["items"]
        if page["next_cursor"] is None:
            return runs
        query["cursor"] = page["next_cursor"]
