"""Write the generated tables of docs/ from the code that defines their contents.

Run `python -m docs.make_reference` after changing a hyperparameter, a setting, a data source or a
REST endpoint. A test compares the pages with the code.
"""

from pathlib import Path

from pydantic.fields import FieldInfo

from backend.limits import Limits
from backend.main import create_app
from backend.settings import Settings
from backend.specification.applicability import in_words
from backend.specification.data_sources import SOURCES
from backend.specification.families import FAMILIES
from backend.specification.hyperparameters import HYPERPARAMETERS, STOPPING, Hyperparameter
from backend.specification.hyperparameters.dataset import N_TEST, N_TRAIN, N_VALIDATION, SOURCE
from backend.specification.hyperparameters.training import SEED
from backend.specification.stopping_criteria import STOPPING_CRITERIA

ROOT = Path(__file__).parent.parent
MARKS = "<!-- reference: made by docs/make_reference.py -->", "<!-- end of reference -->"


def hyperparameter_table() -> str:
    """Return the Markdown table of all hyperparameters."""
    rows = ["| field | meaning | accepted | default |", "|---|---|---|---|"]
    rows += [_row(hyperparameter) for hyperparameter in HYPERPARAMETERS.values()]
    return "\n".join(rows)


SIZES = (N_TRAIN, N_VALIDATION, N_TEST)


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
        sizes = " / ".join(f"{source.defaults[size.path]:,}" for size in SIZES)
        rows.append(f"| `{name}` | {source.about} | {inputs} | {outputs} | {count} | {sizes} |")
    return "\n".join(rows)


COMPUTED = {
    "max_connections": "4096",
    "max_connections_per_client": "a quarter of LAB_MAX_CONNECTIONS",
    "workers": "usable cores, or fewer where there is less than 512 MiB of memory for each",
    "memory": "half of the machine's memory, or of the container's, divided by LAB_WORKERS",
}


def settings_table() -> str:
    """Return the Markdown table of all settings."""
    rows = ["| variable | meaning | default |", "|---|---|---|"]
    others = [name for name in Settings.model_fields if name not in Limits.model_fields]
    for name in [*others, *Limits.model_fields]:
        info = Settings.model_fields[name]
        rows.append(f"| `LAB_{name.upper()}` | {info.description} | {_default_of(name, info)} |")
    return "\n".join(rows)


def limits_table() -> str:
    """Return the Markdown table of all limits and of what happens beyond each."""
    rows = ["| variable | limit | default | beyond it |", "|---|---|---|---|"]
    for name, info in Limits.model_fields.items():
        extra = info.json_schema_extra
        beyond = extra["beyond"] if isinstance(extra, dict) else ""
        default = _default_of(name, info)
        rows.append(f"| `LAB_{name.upper()}` | {info.description} | {default} | {beyond} |")
    return "\n".join(rows)


def _default_of(name: str, info: FieldInfo) -> object:
    """Return the default of a setting as the table shows it."""
    default = "" if info.default is None or info.default_factory else info.default
    return COMPUTED.get(name, default)


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
    "docs/security.md": limits_table,
}


def _row(hyperparameter: Hyperparameter) -> str:
    path, default = hyperparameter.written_path, _default(hyperparameter)
    return f"| `{path}` | {_meaning(hyperparameter)} | {_accepted(hyperparameter)} | {default} |"


def _meaning(hyperparameter: Hyperparameter) -> str:
    condition = in_words(hyperparameter)
    return f"{hyperparameter.help} Applies with {condition}." if condition else hyperparameter.help


def _accepted(hyperparameter: Hyperparameter) -> str:
    if hyperparameter is SEED:
        return "a count up to 1,000 (5 means 0 to 4) or a list of whole numbers"
    return hyperparameter.accepted


def _default(hyperparameter: Hyperparameter) -> str:
    if hyperparameter is SOURCE:
        return "(required)"
    if hyperparameter in SIZES:
        return "[of the data source](../data.md)"
    owners = {name: source.defaults for name, source in SOURCES.items()}
    owners |= {f"family {name}": family.defaults for name, family in FAMILIES.items()}
    if hyperparameter.path in STOPPING:
        names = [
            name for name, rule in STOPPING_CRITERIA.items() if hyperparameter.name in rule.defaults
        ]
        owners = {
            f"criterion {name}": {
                hyperparameter.path: STOPPING_CRITERIA[name].defaults[hyperparameter.name]
            }
            for name in names
        }
    special: dict[str, list[str]] = {}
    for owner, defaults in owners.items():
        if (
            hyperparameter.path in defaults
            and defaults[hyperparameter.path] != hyperparameter.default
        ):
            special.setdefault(_plain(defaults[hyperparameter.path]), []).append(owner)
    general = [] if hyperparameter.default is None else [_plain(hyperparameter.default)]
    exceptions = [f"{value} ({', '.join(names)})" for value, names in special.items()]
    return "; ".join(general + exceptions)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    for page, table in PAGES.items():
        path = ROOT / page
        path.write_text(with_table(path.read_text(), table()))
