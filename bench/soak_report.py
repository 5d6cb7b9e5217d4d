"""The report of a soak: processes over time, latencies, and problems."""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import linear_regression, quantiles

import psutil

SAMPLE_SECONDS = 1.0
P99_MILLISECONDS = 100.0
MAX_GROWTH_PERCENT = 10.0  # of a process from the second to the last quarter
SPARE_DESCRIPTORS = 15  # a pool keeps five connections with three files of SQLite each
ROLES = {"valkey-server": "broker", "supervisor.web": "web", "celery": "worker"}


@dataclass(frozen=True)
class ProcessSample:
    """One process at one time: memory in MB, descriptors, and seconds since the load began."""

    seconds: float
    rss: float
    descriptors: int
    loaded: bool


class Usage(threading.Thread):
    """Samples the processes of a product. `loaded` is true while the load is on."""

    def __init__(self, supervisor: int) -> None:
        super().__init__(daemon=True)
        self.loaded = True
        self.samples: dict[str, list[ProcessSample]] = {}
        self._ended = threading.Event()
        self._processes = {f"{_role(child)} {child.pid}": child
                           for child in psutil.Process(supervisor).children()}  # fmt: skip
        self.before = {name: process.num_fds() for name, process in self._processes.items()}
        self._begun = time.monotonic()

    def run(self) -> None:
        """Take samples until stopped, without processes that have ended."""
        while not self._ended.wait(SAMPLE_SECONDS):
            for name, process in self._processes.items():
                try:
                    sample = ProcessSample(
                        time.monotonic() - self._begun, process.memory_info().rss / 1e6,
                        process.num_fds(), self.loaded,
                    )  # fmt: skip
                except psutil.Error:
                    continue
                self.samples.setdefault(name, []).append(sample)

    def stop(self) -> None:
        """Stop sampling."""
        self._ended.set()
        self.join()

    def growth(self, name: str) -> tuple[float, float, float]:
        """Return MB in the second and the last quarter under load, and MB per minute between."""
        loaded = [sample for sample in self.samples[name] if sample.loaded]
        quarter = max(1, len(loaded) // 4)
        later = loaded[quarter:]
        slope = linear_regression([s.seconds / 60 for s in later], [s.rss for s in later]).slope
        return _mean(loaded[quarter : 2 * quarter]), _mean(loaded[-quarter:]), slope


def _role(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    return next((role for word, role in ROLES.items() if word in command), "other")


def _mean(samples: Sequence[ProcessSample]) -> float:
    return sum(sample.rss for sample in samples) / len(samples)


def problems(reads: Mapping[str, list[float]], errors: Sequence[str], usage: Usage) -> list[str]:
    """Return descriptions of everything that failed or missed a limit."""
    messages = list(errors)
    slowest = percentile([seconds for times in reads.values() for seconds in times], 99)
    if slowest > P99_MILLISECONDS:
        messages.append(f"the 99th percentile of reads is {slowest:.0f} ms")
    for name, samples in usage.samples.items():
        early, late, _ = usage.growth(name)
        if late > early * (1 + MAX_GROWTH_PERCENT / 100):
            messages.append(f"{name} grew from {early:.0f} to {late:.0f} MB")
        if samples[-1].descriptors > usage.before[name] + SPARE_DESCRIPTORS:
            messages.append(
                f"{name} kept {samples[-1].descriptors - usage.before[name]} descriptors"
            )
    return messages


def percentile(seconds: Sequence[float], which: int) -> float:
    """Return a percentile in milliseconds."""
    return 1000 * quantiles(seconds, n=100, method="inclusive")[which - 1]


def report(
    minutes: float, reads: Mapping[str, list[float]], done: Counter[str], errors: Sequence[str],
    usage: Usage,
) -> str:  # fmt: skip
    """Return the measurements as Markdown."""
    counts = ", ".join(f"{count:,} {name}" for name, count in sorted(done.items()))
    lines = [
        f"{minutes:g} minutes: {counts}; {sum(map(len, reads.values())):,} reads.",
        "",
        "| process | MB, second quarter | last quarter | MB per minute | descriptors before | most "
        "| after |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, samples in usage.samples.items():
        early, late, slope = usage.growth(name)
        most = max(sample.descriptors for sample in samples)
        lines.append(
            f"| {name.split()[0]} | {early:.1f} | {late:.1f} | {slope:+.2f} | {usage.before[name]} "
            f"| {most} | {samples[-1].descriptors} |"
        )
    lines += ["", "| read | number | p50, ms | p95 | p99 |", "|---|---|---|---|---|"]
    all_reads = {**reads, "all": [sample for some in reads.values() for sample in some]}
    for path, seconds in all_reads.items():
        p50, p95, p99 = (percentile(seconds, which) for which in (50, 95, 99))
        lines.append(f"| `{path}` | {len(seconds):,} | {p50:.0f} | {p95:.0f} | {p99:.0f} |")
    counted = Counter(problems(reads, errors, usage))
    lines += ["", "Wrong: " + ("nothing." if not counted else "")]
    lines += [f"- {count} times: {name[:200]}" for name, count in counted.most_common(20)]
    return "\n".join(lines)
