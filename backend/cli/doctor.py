"""lab doctor: is the data true, and is all there that the service needs?"""

import json
from argparse import Namespace
from dataclasses import asdict

from backend.cli.configuration import configured
from backend.operations.doctor import examine

SIGNS = {"well": "ok", "warning": "warning", "wrong": "WRONG"}
WRONG = 1


def run(options: Namespace) -> int:
    """Print what was examined; return 1 when something in the data is wrong."""
    found = []
    for check in examine(configured(options, "data_dir"), everything=options.all):
        found.append(check)
        if not options.json:
            print(f"{check.name:<11} {SIGNS[check.outcome]}", flush=True)
            for sentence in check.said:
                print(f"            {sentence}")
    wrong = [check.name for check in found if check.outcome == "wrong"]
    if options.json:
        print(json.dumps({"ok": not wrong, "checks": [asdict(each) for each in found]}, indent=1))
    elif wrong == ["schema"]:  # of which no backup can be made
        print("Wrong: schema.")
    elif wrong:
        print(f"Wrong: {', '.join(wrong)}. `lab backup` keeps the state as it is, for a report.")
    else:
        print("All data is as it should be.")
    return WRONG if wrong else 0
