"""What a benchmark found, for people and as JSON. Where `mayfly bench --json` tells the same, it has the same form."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from .clients import PACKAGES
from .histogram import distribution_s, percentiles_s
from .load import Result, Second, Settings

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1.0}
COURSE_PERCENTILES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
BUSY = 0.95  # of a core: beyond it a process has no time left in which it could ask for more


def _latency_us(counts: Counter[int], percentiles: dict[str, float]) -> dict[str, float]:
    latencies_s = percentiles_s(counts, list(percentiles.values()))
    return {name: round(latency_s * 1e6, 3) for name, latency_s in zip(percentiles, latencies_s)}


class Course:
    """An entry for each second, made as they come: what they counted is too much to keep for a day."""

    def __init__(self) -> None:
        self._entries: list[dict[str, float]] = []
        self._is_last_whole = True

    def take(self, second: Second) -> str:
        """Add it, and give a line about it."""
        latency_us = _latency_us(second.counts, COURSE_PERCENTILES)
        self._is_last_whole = second.is_whole
        self._entries.append({
            "at_s": round(second.until_s, 3),
            "throughput_rps": round(second.throughput_rps, 1),
            **{f"{name}_us": latency for name, latency in latency_us.items()},
            "errors": second.errors,
        })
        return (f"{second.number + 1:4} s {second.throughput_rps:10,.0f} requests/s   p99.9 "
                f"{latency_us['p999'] / 1e3:9.3f} ms")

    @property
    def entries(self) -> list[dict[str, float]]:
        """A last one that was cut short says little beside whole ones; alone it is all there is."""
        is_cut = len(self._entries) > 1 and not self._is_last_whole
        return self._entries[:-1] if is_cut else self._entries


def verdict(result: Result, processes: int) -> str:
    """Whether the figures are about the server too, or about the process that asked alone."""
    busy = (result.user_cpu_s + result.system_cpu_s) / result.seconds / processes
    if busy < BUSY:
        return "ok"
    whose = "its process was" if processes == 1 else "its processes were"
    # Threads of the client's own can make it more than one core, which is no busier.
    return (f"client-limited: {whose} busy {min(busy, 1.0) * 100:.0f} % of the time, mostly with the client's own work, "
            "so a faster server would change little")


def _environment() -> dict[str, object]:
    """What the figures came from, without the host's name."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    try:
        names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                 if line.startswith("model name")]
    except OSError:
        names = []
    return {"python": platform.python_version(), "packages": versions, "processor": names[0] if names else platform.machine(),
            "cores": os.cpu_count(), "kernel": f"{platform.system()} {platform.release()}"}


def show(settings: Settings, result: Result) -> None:
    """Print it for a person."""
    what = f"{settings.client} on {settings.loop}, concurrency {settings.concurrency:,}"
    if settings.in_flight < settings.concurrency:
        what += f", at most {settings.in_flight:,} requests in flight"
    if settings.channels > 0:
        what += f", channels {settings.channels:,}"
    if settings.processes > 1:
        what += f", in each of {settings.processes} processes"
    print(what)
    print(f"{result.throughput_rps:,.0f} requests/s: {result.requests:,} in {result.seconds:.1f} s, "
          f"{result.errors:,} errors")
    print("latency, ms:   " + "   ".join(
        f"{name.replace('p999', 'p99.9')} {latency_us / 1e3:.3f}"
        for name, latency_us in _latency_us(result.counts, PERCENTILES).items()))
    print(f"verdict: {verdict(result, settings.processes)}")
    if result.is_partial:
        print("interrupted: this is what was measured until then")


def check_writable(path: Path) -> None:
    """Raise OSError if a result could not be written there; what is there stays as it is."""
    try:
        path.open("x").close()
    except FileExistsError:
        path.open("a").close()
    else:
        path.unlink()


def write(path: Path, settings: Settings, result: Result, course: Course) -> None:
    """Write it as JSON, a line for each of its parts. Raises OSError."""
    requests = max(result.requests, 1)
    latency_us = _latency_us(result.counts, PERCENTILES)
    distribution = distribution_s(result.counts)
    parts = {
        "throughput_rps": result.throughput_rps,
        "latency_us": latency_us,
        "latency_ms": {name: latency / 1e3 for name, latency in latency_us.items()},
        "requests": result.requests,
        "seconds": result.seconds,
        "errors": result.errors,
        "first_error": result.first_error,
        "cpu_us_per_request": {"user": result.user_cpu_s * 1e6 / requests, "system": result.system_cpu_s * 1e6 / requests},
        "verdict": verdict(result, settings.processes),
        "is_partial": result.is_partial,
        "course": course.entries,
        "distribution_us": [[round(latency_s * 1e6, 3), fraction] for latency_s, fraction in distribution],
        "settings": asdict(settings),
        "environment": _environment(),
    }
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(part)}" for name, part in parts.items())
    path.write_text(f"{{\n{lines}\n}}\n")
