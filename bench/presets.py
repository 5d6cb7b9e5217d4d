"""Training of all presets: do they show the effect they are known for, and at what cost?

    python -m bench.presets [--write] [--reduced] [--shift N] [SLUG...]

Trains each preset in full (or `--reduced`, as the tests do). Prints its measurements, whether its
shape holds, and the processor time of training on one core. `--shift` adds N to every seed that is
not set by hand, to check whether a shape depends on the seeds. `--write` writes docs/textbook.md.
Exits with 1 if a shape does not hold.
Prints the values that the page of the experiment expects where it measured others.
"""

import argparse
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from backend.specification import validate
from backend.specification.presets import PRESETS, VARIANT, Expectation, Preset
from tests.preset_shapes import SHAPES, Measurements, Trained, train

TOLERANCE = 0.05  # relative
PAGE = Path(__file__).parent.parent / "docs" / "textbook.md"
INTRODUCTION = """\
# The textbook, reproduced

Each preset of the home page reproduces a known effect.

- `python -m bench.presets --write` trains every preset in full and writes this page.
- A smaller version of each preset, with the same shape, is a test
  (`tests/unit/test_preset_shapes.py`, shapes in `tests/preset_shapes.py`).
- Losses and accuracies are means over the seeds of the setting. In *Ways to
  regularise* they are those of the last epoch. Its page also shows the best epoch.
- Times are processor time of training on one core of a small cloud machine. Recording and analysis
  take additional time.

One known effect is not offered, because it was not observed: epoch-wise double descent of a network
on digits with label noise. The test error rises and stays high.
"""


@dataclass(frozen=True)
class PresetResult:
    """The measurements of a preset, and which claims about its shape hold.

    `differing` has the values that the preset's page expects where a full training measured others.
    """

    preset: Preset
    runs: int
    measurements: Measurements
    claims: dict[str, bool]
    differing: list[tuple[Expectation, float]]
    seconds: float


def main() -> int:
    """Measure the requested presets, or all."""
    options = _options()
    results = []
    for slug in options.slugs or PRESETS:
        result = measure(slug, reduced=options.reduced, shift=options.shift)
        print(f"{slug}: {result.runs} runs, {result.seconds:.1f} s")
        print("   ", _listed(result.measurements))
        for expectation, measured in result.differing:
            print(f"    EXPECTED {expectation.value:g}, not {measured:.3g}: {expectation.of}")
        for claim, holds in result.claims.items():
            print(f"    {'holds' if holds else 'DOES NOT HOLD'}: {claim}", flush=True)
        results.append(result)
    if options.write:
        PAGE.write_text(INTRODUCTION + "".join(map(_section, results)))
    return 0 if all(all(result.claims.values()) for result in results) else 1


def measure(slug: str, *, reduced: bool = False, shift: int = 0) -> PresetResult:
    """Train a preset and check its shape."""
    preset, shape = PRESETS[slug], SHAPES[slug]
    document = _shifted(shape.document(slug) if reduced else preset.document, shift)
    started = time.process_time()
    runs = train(document)
    seconds = time.process_time() - started
    measurements = shape.measure(runs)
    claims = {claim: holds(measurements) for claim, holds in shape.claims.items()}
    differing = [] if reduced or shift else _differing(preset, runs)
    return PresetResult(preset, len(runs), measurements, claims, differing, seconds)


def _differing(preset: Preset, runs: list[Trained]) -> list[tuple[Expectation, float]]:
    """Return the expected values that are not within TOLERANCE of the measured ones."""
    measured = [
        fmean(
            run.value(expectation.metric, expectation.at)
            for run in runs
            if all(
                (run.label if path == VARIANT else run.spec.params().get(path)) == value
                for path, value in expectation.where.items()
            )
        )
        for expectation in preset.expected
    ]
    pairs = zip(preset.expected, measured, strict=True)
    return [(e, value) for e, value in pairs if abs(value / e.value - 1) > TOLERANCE]


def _shifted(document: dict[str, Any], shift: int) -> dict[str, Any]:
    seeds = document["training"].get("seeds", 1)
    if not shift or isinstance(seeds, list):
        return document
    return {
        **document,
        "training": {**document["training"], "seeds": list(range(shift, shift + seeds))},
    }


def _section(result: PresetResult) -> str:
    written = {k: v for k, v in result.preset.document.items() if k != "name"}
    spec = yaml.safe_dump(written, sort_keys=False, default_flow_style=None, width=96)
    claims = "\n".join(
        f"- {'' if holds else '**not observed:** '}{claim}"
        for claim, holds in result.claims.items()
    )
    measurements = "\n".join(
        f"| {name} | {_number(value)} |" for name, value in result.measurements.items()
    )
    paper = f"{_wrapped(f'After {result.preset.paper}.')}\n\n" if result.preset.paper else ""
    runs = len(validate(result.preset.document).runs)
    return (
        f"\n## {result.preset.title}\n\n{_wrapped(result.preset.about)}\n\n"
        f"{paper}```yaml\n{spec}```\n\n"
        f"{runs} runs, {result.seconds:.0f} s. Observed:\n\n{claims}\n\n"
        f"| measured | |\n|---|---|\n{measurements}\n"
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 96, break_on_hyphens=False)


def _listed(measurements: Measurements) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in measurements.items())


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
