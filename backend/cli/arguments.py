"""What can be typed after `lab`."""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path

_ABOUT = "Train grids of models, watch them overfit, learn why."
_MORE = """`./lab test` in a checkout runs every check and test.
The options of `up` can also be set in the environment: LAB_HOST, LAB_PORT, LAB_DATA_DIR,
LAB_WORKERS; LAB_DATABASE names a PostgreSQL and LAB_BROKER a Redis or Valkey of your own.
Where a service asks for a token, submit, watch and the like take it from LAB_TOKEN."""


def parse(arguments: list[str] | None) -> Namespace:
    """Return the options of one command; explains itself and exits on --help or a mistake."""
    parser = ArgumentParser(
        prog="lab",
        description=_ABOUT,
        epilog=_MORE,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (about, add_options) in _COMMANDS.items():
        add_options(
            commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        )
    return parser.parse_args(arguments)


def _up(parser: ArgumentParser) -> None:
    _serve(parser)
    parser.add_argument("--workers", help="training processes (cores less one, at most 4)")


def _serve(parser: ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", help="port to listen on (8000)")
    _data_dir(parser)


def _secrets(parser: ArgumentParser) -> None:
    parser.add_argument("--new-token", action="store_true", help="replace the token by another")
    parser.add_argument(
        "--join", metavar="HOST", help="print what workers elsewhere need, HOST being this machine"
    )


def _data_dir(parser: ArgumentParser) -> None:
    parser.add_argument("--data-dir", type=Path, help="folder of database, broker and logs (data)")


def _doctor(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--all", action="store_true", help="read every point (the newest 2 million)"
    )
    parser.add_argument("--json", action="store_true", help="answer as JSON, for programs")
    _data_dir(parser)


def _backup(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the backup")
    _data_dir(parser)


def _submit(parser: ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="a YAML or JSON file; - reads YAML or JSON")
    parser.add_argument("--wait", action="store_true", help="follow it to its end")
    parser.add_argument("--dry-run", action="store_true", help="only check it and print its cost")
    _server(parser)


def _watch(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="number of the experiment")
    _server(parser)


def _retry(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="number of the experiment")
    parser.add_argument("--wait", action="store_true", help="follow it to its end")
    _server(parser)


def _remedies(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="number of the experiment")
    parser.add_argument("--run", type=int, help="a run of the cell to cure (what is worst)")
    parser.add_argument("--only", metavar="A,B", help="these remedies (those proposed)")
    parser.add_argument("--seeds", type=int, help="seeds of each variant (5)")
    parser.add_argument("--wait", action="store_true", help="follow it to its comparison")
    parser.add_argument("--dry-run", action="store_true", help="only list them and their cost")
    _server(parser)


def _export(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="number of the experiment")
    parser.add_argument(
        "--format", choices=["html", "csv", "parquet", "spec"], default="html",
        help="a report that opens offline (html), a folder of tables (csv, parquet), the YAML "
        "that reproduces it (spec)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="PATH",
        help="file or folder to write, which must not exist; a name in .zip is not unpacked "
        "(experiment-ID here)",
    )  # fmt: skip
    _server(parser)


def _diagnose(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="FILE", nargs="+",
        help="CSV, JSON, JSON lines, TensorBoard events or a folder of them; - reads what is piped",
    )  # fmt: skip
    parser.add_argument("--format", choices=["text", "json"], default="text", help="of the answer")
    parser.add_argument(
        "--html", type=Path, metavar="PAGE", help="also write a page that opens offline"
    )
    parser.add_argument(
        "--fail-on", action="append", default=[], metavar="VERDICT",
        help="exit with 1 on this verdict or rule, such as overfitting; may be given again",
    )  # fmt: skip
    parser.add_argument("--train", metavar="NAME", help="the series of train loss")
    parser.add_argument("--validation", metavar="NAME", help="the series of validation loss")
    for name, about in (
        ("criterion", "early stopping by patience (20), gl, pq or up"),
        ("patience", "epochs without improvement (patience)"),
        ("min-delta", "smallest improvement (patience)"),
        ("start-from-epoch", "epochs to wait first (patience)"),
        ("alpha", "threshold (gl, pq)"),
        ("strip", "epochs in a strip (pq, up)"),
        ("strips", "strips that rise (up)"),
    ):
        parser.add_argument(f"--{name}", help=about, metavar="X")


def _server(parser: ArgumentParser) -> None:
    parser.add_argument("--server", metavar="URL", help="address of the service")


_COMMANDS: dict[str, tuple[str, Callable[[ArgumentParser], None]]] = {
    "up": ("start everything, print the address, run until Ctrl-C", _up),
    "submit": ("hand in a specification", _submit),
    "watch": ("follow an experiment to its end, then print its results", _watch),
    "retry": ("train the failed runs of an experiment once more", _retry),
    "remedies": ("try what may cure an experiment, and compare", _remedies),
    "export": ("write an experiment to a page, a folder of tables or its specification", _export),
    "diagnose": ("say what is wrong with the training histories in log files", _diagnose),
    "doctor": ("examine the data and what the service needs; changes nothing", _doctor),
    "backup": ("write the whole database to one file, while it is used", _backup),
    "restore": ("fill an empty database from a backup", _backup),
    "migrate": ("bring the database to the newest schema (up does it too)", _data_dir),
    "serve": ("start the web service alone (up starts everything)", _serve),
    "secrets": ("make the passwords and the token of a deployment", _secrets),
}
"""What each command does, and what adds its options; in the order of the help."""
