"""Whether the presets show what they are known for, and what that costs.

    python -m bench.presets [--write] [--reduced] [--shift N] [SLUG...]

Trains each preset whole (or `--reduced`, as the tests do) and prints its figures, whether its
shape holds and the processor time of training on one core. `--shift` adds N to every seed that is
not chosen by hand, to see whether a shape depends on the seeds. `--write` makes docs/textbook.md.
Exits with 1 when a shape does not hold.
"""

import argparse
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from backend.specification import validate
from backend.specification.presets import PRESETS, Preset
from tests.preset_shapes import SHAPES, Measurements, train

PAGE = Path(__file__).parent.parent / "docs" / "textbook.md"
INTRODUCTION = """\
# The textbook, reproduced

Each preset of the home page reproduces a known effect.

- `python -m bench.presets --write` trains every preset in full and writes this page.
- A smaller version of each preset, with the same shape, is a test
  (`tests/unit/test_preset_shapes.py`, shapes in `tests/preset_shapes.py`).
- Losses and accuracies are means over the seeds of the setting. In *Ways to
  regularise* they are those of the last epoch. That experiment's page shows the best epoch first.
- Times are processor time of training on one core of a small cloud machine. Recording and analysis
  take additional time.

One known effect is not offered, because it was not observed: epoch-wise double descent of a network
on digits with label noise. The test error rises and stays high.
"""


@dataclass(frozen=True)
class PresetResult:
    """What a preset came to."""

    preset: Preset
    runs: int
    figures: Measurements
    claims: dict[str, bool]
    seconds: float


def main() -> int:
    """Measure the presets asked for, or all."""
    options = _options()
    found = []
    for slug in options.slugs or PRESETS:
        one = measure(slug, reduced=options.reduced, shift=options.shift)
        print(f"{slug}: {one.runs} runs, {one.seconds:.1f} s")
        print("   ", _listed(one.figures))
        for claim, holds in one.claims.items():
            print(f"    {'holds' if holds else 'DOES NOT HOLD'}: {claim}", flush=True)
        found.append(one)
    if options.write:
        PAGE.write_text(INTRODUCTION + "".join(map(_section, found)))
    return 0 if all(all(one.claims.values()) for one in found) else 1


def measure(slug: str, *, reduced: bool = False, shift: int = 0) -> PresetResult:
    """Train a preset and look at its shape."""
    preset, shape = PRESETS[slug], SHAPES[slug]
    document = _shifted(shape.document(slug) if reduced else preset.document, shift)
    started = time.process_time()
    runs = train(document)
    seconds = time.process_time() - started
    figures = shape.measure(runs)
    claims = {claim: holds(figures) for claim, holds in shape.claims.items()}
    return PresetResult(preset, len(runs), figures, claims, seconds)


def _shifted(document: dict[str, Any], shift: int) -> dict[str, Any]:
    seeds = document["training"].get("seeds", 1)
    if not shift or isinstance(seeds, list):
        return document
    return {
        **document,
        "training": {**document["training"], "seeds": list(range(shift, shift + seeds))},
    }


def _section(one: PresetResult) -> str:
    written = {k: v for k, v in one.preset.document.items() if k != "name"}
    spec = yaml.safe_dump(written, sort_keys=False, default_flow_style=None, width=96)
    claims = "\n".join(
        f"- {'' if holds else '**not observed:** '}{claim}" for claim, holds in one.claims.items()
    )
    figures = "\n".join(f"| {name} | {_number(value)} |" for name, value in one.figures.items())
    paper = f"{_wrapped(f'After {one.preset.paper}.')}\n\n" if one.preset.paper else ""
    runs = len(validate(one.preset.document).runs)
    return (
        f"\n## {one.preset.title}\n\n{_wrapped(one.preset.about)}\n\n{paper}```yaml\n{spec}```\n\n"
        f"{runs} runs, {one.seconds:.0f} s. Observed:\n\n{claims}\n\n"
        f"| measured | |\n|---|---|\n{figures}\n"
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 96, break_on_hyphens=False)


def _listed(figures: Measurements) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in figures.items())


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.presets", description=__doc__)
    parser.add_argument("slugs", nargs="*", metavar="SLUG", help="the presets to train (all)")
    parser.add_argument("--write", action="store_true", help="make docs/textbook.md")
    parser.add_argument("--reduced", action="store_true", help="the smaller presets of the tests")
    parser.add_argument("--shift", type=int, default=0, help="other seeds")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
