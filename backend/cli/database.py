"""Commands on the database itself: migrate, backup, restore, doctor."""

import json
from argparse import Namespace

from backend.cli.terminal import say
from backend.diagnosis.verdicts import Verdict
from backend.operations import data_folder
from backend.operations.doctor import Check, examine
from backend.operations.migration import migrate, opened, refuse_missing, remember
from backend.private_files import set_private_umask
from backend.settings import load_settings
from backend.store import backup, restore

OUTCOMES = {"well": "ok", "warning": "warning", "wrong": "WRONG"}
DATA_IS_WRONG = 1


def run_migrate(options: Namespace) -> int:
    """Bring the database to the newest schema."""
    settings = load_settings(options, "data_dir")
    data_folder.protect(settings)
    migrate(settings)
    say("The database has the newest schema.")
    return 0


def run_backup(options: Namespace) -> int:
    """Write the backup and print its size and contents."""
    set_private_umask()
    settings = load_settings(options, "data_dir")
    refuse_missing(settings)
    with opened(settings, in_service=True) as database:
        rows = backup.write(database, options.file)
    size = options.file.stat().st_size / 1e6
    counts = f"{rows['experiments']:,} experiments, {rows['runs']:,} runs"
    say(f"{options.file}: {counts}, {size:.1f} MB.")
    return 0


def run_restore(options: Namespace) -> int:
    """Fill the empty database from a backup and print what was restored."""
    settings = load_settings(options, "data_dir")
    data_folder.protect(settings)
    with opened(settings) as database:
        rows = restore.read(options.file, database, verdicts=list(Verdict))
        remember(settings, database)
    say(f"Restored {rows['experiments']:,} experiments and {rows['runs']:,} runs.")
    return 0


def run_doctor(options: Namespace) -> int:
    """Print each check; return 1 if the data or the schema has an error."""
    set_private_umask()
    checks = []
    for check in examine(load_settings(options, "data_dir"), everything=options.all):
        checks.append(check)
        if not options.json:
            _print_check(check)
    wrong = [check.name for check in checks if check.outcome == "wrong"]
    if options.json:
        say(
            json.dumps({"ok": not wrong, "checks": [_as_json(check) for check in checks]}, indent=1)
        )
    elif wrong == ["schema"]:  # a database without a known schema cannot be backed up
        say("Wrong: schema.")
    elif wrong:
        say(f"Wrong: {', '.join(wrong)}. `lab backup` saves the current state for a report.")
    elif any(check.outcome == "warning" for check in checks):
        say("The data is consistent; see the warnings above.")
    else:
        say("All checks passed.")
    return DATA_IS_WRONG if wrong else 0


def _as_json(check: Check) -> dict[str, object]:
    return {"name": check.name, "outcome": check.outcome, "said": check.sentences}


def _print_check(check: Check) -> None:
    say(f"{check.name:<11} {OUTCOMES[check.outcome]}")
    for sentence in check.sentences:
        say(f"            {sentence}")
