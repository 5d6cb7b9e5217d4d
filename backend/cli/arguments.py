"""Commands and options of the command line.

Standard library only: `./lab --help` works before the environment is installed.
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backend.cli.axes import take_axes

_ABOUT = "Train grids of models, watch them overfit, learn why."
_MORE = """`./lab test` in a checkout runs every check and test; `./lab sbom` lists the packages.
The options of `up` can also be set in the environment: LAB_HOST, LAB_PORT, LAB_DATA_DIR,
LAB_WORKERS, LAB_LOCAL_ACCESS. LAB_DATABASE is the URL of a PostgreSQL database, LAB_BROKER
that of a Redis or Valkey.
If the server requires a token, set LAB_TOKEN for submit, watch and the other client commands."""


def parse(arguments: list[str] | None) -> Namespace:
    """Parse the command line. Prints a message and exits on --help or a mistake."""
    parser = ArgumentParser(
        prog="lab",
        description=_ABOUT,
        epilog=_MORE,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        description = f"{command.help[0].upper()}{command.help[1:]}."
        command.add_options(
            commands.add_parser(
                name, help=command.help, description=description, usage=command.usage
            )
        )
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] not in TAKE_COMMANDS:
        return parser.parse_args(words)
    own, given = _split(words)
    axes: dict[str, str] = {}
    if words[0] == "sweep":
        own, axes = take_axes(own, _flags(commands.choices["sweep"]), parser.error)
    options = parser.parse_args(own)
    options.given_command, options.axes = given, axes
    return options


TAKE_COMMANDS = ("sweep", "agent")
"""The commands after whose options a command of the user follows, after `--`."""


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Divide the command line at the first `--`."""
    place = words.index("--") if "--" in words else len(words)
    return words[:place], words[place + 1 :]


def _flags(parser: ArgumentParser) -> list[str]:
    """Return the options of a command."""
    return [flag for action in parser._actions for flag in action.option_strings]


def _up(parser: ArgumentParser) -> None:
    _serve(parser)
    parser.add_argument("--workers", help="number of worker processes (one per core)")
    token = parser.add_mutually_exclusive_group()
    token.add_argument(
        "--token", dest="local_access", action="store_const", const="token",
        help="require a token from users of this machine too (default if others can log in)",
    )  # fmt: skip
    token.add_argument(
        "--no-token", dest="local_access", action="store_const", const="open",
        help="require a token from other machines only",
    )  # fmt: skip


def _serve(parser: ArgumentParser) -> None:
    parser.add_argument("--host", help="host to listen on (127.0.0.1)")
    parser.add_argument("--port", help="port to listen on (8000)")
    _data_dir(parser)


def _secrets(parser: ArgumentParser) -> None:
    parser.add_argument("--new-token", action="store_true", help="replace the token")
    parser.add_argument(
        "--join",
        metavar="HOST",
        help="print the settings of workers on other machines, which reach this one as HOST",
    )


def _data_dir(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir", type=Path, help="folder of the database, broker and logs (data)"
    )


def _doctor(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--all", action="store_true", help="read every point (default: the newest 2 million)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    _data_dir(parser)


def _backup(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the backup file")
    _data_dir(parser)


def _token(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="create a token and print it once")
    create.add_argument("name", metavar="NAME", help="name of the token, such as that of a program")
    create.add_argument(
        "--scope", default="read", metavar="SCOPE",
        help="read, log, submit or admin, each of which includes those before it (read)",
    )  # fmt: skip
    create.add_argument(
        "--expires", default="90d", metavar="LIFETIME", help="such as 12h, 30d, 8w or never (90d)"
    )
    show = actions.add_parser("list", help="list all tokens, without their secrets")
    revoke = actions.add_parser("revoke", help="make a token unusable for good")
    revoke.add_argument("name", metavar="NAME", help="name of the token")
    for action in (create, show):
        action.add_argument(
            "--format", choices=["text", "json"], default="text", help="output format"
        )
    for action in (create, show, revoke):
        _data_dir(action)


def _submit(parser: ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="a YAML or JSON file; - reads standard input")
    parser.add_argument("--wait", action="store_true", help="follow the experiment until it ends")
    parser.add_argument(
        "--dry-run", action="store_true", help="only validate it and print its cost"
    )
    _server(parser)


def _watch(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="id of the experiment")
    parser.add_argument(
        "--until",
        metavar="VERDICT",
        help="stop as soon as a run has this verdict, such as overfitting: exit with 0 then, and "
        "with 3 if all runs end without it",
    )
    _server(parser)


def _retry(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="id of the experiment")
    parser.add_argument("--wait", action="store_true", help="follow the experiment until it ends")
    _server(parser)


def _rename(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="id of the experiment")
    parser.add_argument("name", metavar="NAME", help="its new name")
    _server(parser)


def _remedies(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="id of the experiment")
    parser.add_argument(
        "--run", type=int, help="a run of the cell to cure (default: the worst cell)"
    )
    parser.add_argument(
        "--only", metavar="A,B", help="remedies to try (default: the proposed ones)"
    )
    parser.add_argument("--seeds", type=int, help="seeds per variant (5)")
    parser.add_argument("--wait", action="store_true", help="follow it, then print the comparison")
    parser.add_argument(
        "--dry-run", action="store_true", help="only list the remedies and their cost"
    )
    _server(parser)


def _export(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="id of the experiment")
    parser.add_argument(
        "--format", choices=["html", "csv", "parquet", "spec"], default="html",
        help="a report that opens offline (html), a folder of tables (csv, parquet), the YAML "
        "that reproduces it (spec)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="PATH",
        help="file or folder to create; a path that ends in .zip is not unpacked "
        "(default: experiment-ID in this folder)",
    )  # fmt: skip
    _server(parser)


def _diagnose(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="FILE", nargs="+",
        help="a log or a folder of logs (docs/formats.md); - is standard input",
    )  # fmt: skip
    parser.add_argument("--format", choices=["text", "json"], default="text", help="output format")
    parser.add_argument(
        "--html", type=Path, metavar="PAGE", help="also write a page that opens offline"
    )
    parser.add_argument(
        "--fail-on", action="append", default=[], metavar="VERDICT",
        help="exit with 1 on this verdict or rule, such as overfitting; may be repeated",
    )  # fmt: skip
    parser.add_argument("--train", metavar="NAME", help="name of the train loss")
    parser.add_argument("--validation", metavar="NAME", help="name of the validation loss")
    for name, about in (
        ("criterion", "early stopping by patience (20), gl, pq or up"),
        ("patience", "epochs without improvement (patience)"),
        ("min-delta", "smallest improvement (patience)"),
        ("start-from-epoch", "epochs to wait first (patience)"),
        ("alpha", "threshold (gl, pq)"),
        ("strip", "epochs in a strip (pq, up)"),
        ("strips", "successive rises (up)"),
    ):
        parser.add_argument(f"--{name}", help=about, metavar="X")


def _import(parser: ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="+", help="log files, or folders of them")
    parser.add_argument(
        "--experiment", metavar="NAME",
        help="experiment of the runs, created if it is missing (Imported logs)",
    )  # fmt: skip
    parser.add_argument("--train", metavar="NAME", help="name of the train loss")
    parser.add_argument("--validation", metavar="NAME", help="name of the validation loss")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--dry-run", action="store_true", help="only show what would be imported")
    mode.add_argument(
        "--follow", action="store_true",
        help="import new points while a training writes the logs, until Ctrl-C",
    )  # fmt: skip
    _server(parser)


def _dataset(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add a table and print its id")
    add.add_argument("file", metavar="FILE", help="CSV, TSV, Parquet, Arrow or NumPy .npz")
    add.add_argument("--name", help="name of the data set (that of the file)")
    add.add_argument("--target", metavar="COLUMN", help="the column to predict")
    add.add_argument(
        "--task", choices=["classification", "regression"], help="inferred from the target"
    )
    show = actions.add_parser("list", help="list the data sets that were added")
    one = actions.add_parser("show", help="show the columns of a data set")
    diagnose = actions.add_parser(
        "diagnose", help="train a first grid: enough data, capacity, training, regularisation?"
    )
    diagnose.add_argument(
        "--seconds", type=float, default=120, help="seconds of training to plan for (120)"
    )
    diagnose.add_argument("--wait", action="store_true", help="follow it until it ends")
    delete = actions.add_parser("delete", help="delete a data set; curves of its runs stay")
    for action in (one, diagnose, delete):
        action.add_argument("dataset", metavar="DATASET", help="id or name of the data set")
    delete.add_argument("--yes", action="store_true", help="also if runs refer to it")
    for action in (show, one):
        action.add_argument(
            "--format", choices=["text", "json"], default="text", help="output format"
        )
    for action in (add, show, one, diagnose, delete):
        _server(action)


def _sweep(parser: ArgumentParser) -> None:
    parser.epilog = (
        "Any other option is an axis of the grid: --width 8,32 gives the param width two values, "
        "which the command gets as --width 8 and --width 32. {args} in the command stands for all "
        "of them, {width} for one."
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="a YAML file with the same fields")
    parser.add_argument("--name", help="name of the experiment")
    parser.add_argument("--axis", action="append", default=[], metavar="NAME=V1,V2",
                        help="an axis whose name is that of an option here")  # fmt: skip
    parser.add_argument("--seeds", metavar="K", help="runs per cell, with the seeds 0 to K-1")
    parser.add_argument(
        "--stop-when", metavar="VERDICT", help="stop a run at this verdict, such as overfitting"
    )
    parser.add_argument("--wait", action="store_true", help="follow the experiment until it ends")
    parser.add_argument(
        "--no-agent", action="store_true", help="start nothing; `lab agent` starts the runs"
    )
    _jobs(parser)
    _server(parser)


def _agent(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--experiment", type=int, metavar="ID",
        help="only runs of this experiment; ends with it (default: of all with the same command)",
    )  # fmt: skip
    parser.add_argument(
        "--other-command", action="store_true",
        help="accept that the command differs from that of the experiment, such as in its path",
    )  # fmt: skip
    _jobs(parser)
    _server(parser)


def _jobs(parser: ArgumentParser) -> None:
    parser.add_argument("--jobs", metavar="J", help="runs at once (the number of GPUs, else 1)")
    parser.add_argument(
        "--gpus", metavar="0,1", help="GPUs to use, one per job; none for no GPU (all)"
    )
    parser.add_argument(
        "--style", choices=["options", "hydra", "env"],
        help="what {args} stands for: --width 8 (options), width=8 (hydra), nothing (env)",
    )  # fmt: skip


def _server(parser: ArgumentParser) -> None:
    parser.add_argument("--server", metavar="URL", help="URL of the server")


@dataclass(frozen=True)
class Command:
    """A command: its help text, its function as "module:name", and what adds its options."""

    help: str
    function: str
    add_options: Callable[[ArgumentParser], None]
    usage: str | None = None


def _service(name: str) -> str:
    return f"backend.cli.service:run_{name}"


def _experiments(name: str) -> str:
    return f"backend.cli.experiments:run_{name}"


def _database(name: str) -> str:
    return f"backend.cli.database:run_{name}"


COMMANDS: dict[str, Command] = {
    "up": Command("start everything, print the URL, run until Ctrl-C", _service("up"), _up),
    "submit": Command("submit an experiment specification", _experiments("submit"), _submit),
    "watch": Command(
        "follow an experiment until it ends, then print its results", _experiments("watch"), _watch
    ),
    "retry": Command("train an experiment's failed runs again", _experiments("retry"), _retry),
    "rename": Command("rename an experiment", _experiments("rename"), _rename),
    "remedies": Command(
        "try remedies for an experiment and compare them", _experiments("remedies"), _remedies
    ),
    "sweep": Command(
        "run a command over a grid of values, each run as a run of an experiment",
        "backend.cli.sweep:run_sweep",
        _sweep,
        "lab sweep [FILE] [--name NAME] --AXIS V1,V2 ... [options] -- COMMAND ... {args}",
    ),
    "agent": Command(
        "start a command for the waiting runs of sweeps",
        "backend.cli.sweep:run_agent",
        _agent,
        "lab agent [options] -- COMMAND ... {args}",
    ),
    "export": Command(
        "write an experiment as a page, a folder of tables or its specification",
        _experiments("export"),
        _export,
    ),
    "import": Command(
        "import log files as runs, with charts and verdicts", "backend.cli.imports:run", _import
    ),
    "diagnose": Command(
        "diagnose the training histories in log files", "backend.cli.diagnose:run", _diagnose
    ),
    "dataset": Command(
        "add, list, show or delete tables of your own", "backend.cli.datasets:run", _dataset
    ),
    "doctor": Command(
        "check the data and the service's surroundings; changes nothing",
        _database("doctor"),
        _doctor,
    ),
    "backup": Command(
        "write the whole database to one file, also while it is in use",
        _database("backup"),
        _backup,
    ),
    "restore": Command("fill an empty database from a backup", _database("restore"), _backup),
    "migrate": Command(
        "bring the database to the newest schema (`up` does this too)",
        _database("migrate"),
        _data_dir,
    ),
    "serve": Command(
        "start the web service alone (`up` starts everything)", _service("serve"), _serve
    ),
    "token": Command(
        "create, list or revoke tokens for programs and people", "backend.cli.tokens:run", _token
    ),
    "secrets": Command(
        "create the passwords and the token of a deployment", _service("secrets"), _secrets
    ),
}
"""Commands by name, in the order of the help."""
