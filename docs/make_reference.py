"""Write the generated tables of docs/ from the code that defines their contents.

Run `python -m docs.make_reference` after changing a hyperparameter, a setting, a data source or a
REST endpoint. A test compares the pages with the code.
"""

from pathlib import Path

from backend.main import create_app
from backend.settings import Settings
from backend.specification.defaults import DEFAULTS, FAMILY_DEFAULTS
from backend.specification.early_stopping import defaults as stopping_defaults
from backend.specification.hyperparameters import AXES, STOPPING, Knob
from backend.specification.sources import SOURCES

ROOT = Path(__file__).parent.parent
MARKS = "<!-- reference: made by docs/make_reference.py -->", "<!-- end of reference -->"


def hyperparameter_table() -> str:
    """Return the Markdown table of all hyperparameters."""
    rows = ["| field | meaning | accepted | default |", "|---|---|---|---|"]
    for path, knob in AXES.items():
        if path == "training.seed":
            accepted = "a count up to 1,000 (5 means 0 to 4) or a list of whole numbers"
            rows.append(f"| `training.seeds` | {knob.about} | {accepted} | 1 |")
        else:
            rows.append(_row(knob, _default(path)))
    rows += [_row(knob, _stopping_default(path)) for path, knob in STOPPING.items()]
    return "\n".join(rows)


SIZES = ("dataset.n_train", "dataset.n_validation", "dataset.n_test")


def source_table() -> str:
    """Return the Markdown table of all data sources."""
    rows = [
        "| source | what it is | inputs | outputs | rows | default sizes |",
        "|---|---|---|---|---|---|",
    ]
    for name, source in SOURCES.items():
        inputs = f"{source.features:,}" + ("" if source.rows else " or more")
        outputs = f"{source.outputs} classes" if source.problem == "classification" else "a value"
        count = f"{source.rows:,}" if source.rows else "any"
        sizes = " / ".join(f"{source.defaults[path]:,}" for path in SIZES)
        rows.append(f"| `{name}` | {source.about} | {inputs} | {outputs} | {count} | {sizes} |")
    return "\n".join(rows)


COMPUTED = {
    "workers": "cores minus one, from 1 to 4",
    "memory": "half of the machine's memory, or of the container's, divided by LAB_WORKERS",
}


def settings_table() -> str:
    """Return the Markdown table of all settings."""
    rows = ["| variable | meaning | default |", "|---|---|---|"]
    for name, info in Settings.model_fields.items():
        default = "" if info.default is None or info.default_factory else info.default
        default = COMPUTED.get(name, default)
        rows.append(f"| `LAB_{name.upper()}` | {info.description} | {default} |")
    return "\n".join(rows)


def endpoint_table() -> str:
    """Return the Markdown table of all REST endpoints."""
    rows = ["| method | path | summary |", "|---|---|---|"]
    for path, methods in sorted(create_app().openapi()["paths"].items()):
        rows += [
            f"| {method.upper()} | `{path}` | {operation['summary']} |"
            for method, operation in methods.items()
        ]
    return "\n".join(rows)


def with_table(text: str, table: str) -> str:
    """Return a page with the text between its reference marks replaced by `table`."""
    before, rest = text.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    return f"{before}{MARKS[0]}\n{table}\n{MARKS[1]}{after}"


PAGES = {
    "docs/data.md": source_table,
    "docs/reference/hyperparameters.md": hyperparameter_table,
    "docs/reference/rest.md": endpoint_table,
    "docs/reference/settings.md": settings_table,
}


def _row(knob: Knob, default: str) -> str:
    return f"| `{knob.path}` | {knob.about} | {knob.accepted} | {default} |"


def _default(path: str) -> str:
    if path == "dataset.source":
        return "(required)"
    if path in SIZES:
        return "[of the data source](../data.md)"
    owners = {name: source.defaults for name, source in SOURCES.items()}
    owners |= {f"family {name}": defaults for name, defaults in FAMILY_DEFAULTS.items()}
    special: dict[str, list[str]] = {}
    for owner, defaults in owners.items():
        if path in defaults and defaults[path] != DEFAULTS.get(path):
            special.setdefault(_plain(defaults[path]), []).append(owner)
    general = [] if path not in DEFAULTS else [_plain(DEFAULTS[path])]
    exceptions = [f"{value} ({', '.join(names)})" for value, names in special.items()]
    return "; ".join(general + exceptions)


def _stopping_default(path: str) -> str:
    defaults = stopping_defaults(path)
    if len(set(defaults.values())) == 1:
        return _plain(next(iter(defaults.values())))
    return ", ".join(f"{_plain(value)} ({criterion})" for criterion, value in defaults.items())


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    for page, table in PAGES.items():
        path = ROOT / page
        path.write_text(with_table(path.read_text(), table()))
