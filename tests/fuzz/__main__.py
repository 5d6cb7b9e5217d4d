"""Run one fuzzer from the command line."""

import argparse
import math
import sys

from tests.fuzz.campaign import Broken, run
from tests.fuzz.targets import TARGETS


def main() -> int:
    """Run and print the figures, or the input that broke the target."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("name", metavar="TARGET", choices=TARGETS)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop earlier")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    try:
        outcome = run(**vars(options))
    except Broken as error:
        sys.stdout.write(f"{error}\n")
        return 1
    sys.stdout.write(
        f"{options.name}: {outcome.inputs:,} inputs in {outcome.seconds:.0f} s, slowest "
        f"{outcome.slowest_seconds:.2f} s, memory grew by {outcome.growth_mb:.0f} MB\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
