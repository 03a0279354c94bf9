"""Measure a Python client of a cache: throughput, and latencies as an application sees them.

    python -m mayfly.bench --concurrency 100
    python -m mayfly.bench --client redis --loop uvloop --json result.json
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from .clients import CLIENTS, CONFIGURATIONS, DEFAULT_PORTS, OTHER_PORT, PACKAGES, VERSIONS, BadOption, Problem
from .histogram import percentile_s
from .load import Result, Settings, run, show_progress
from .processes import run_processes

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1.0}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return number
    return parse


def _seconds(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not least <= seconds <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from {least} to {most}")
        return seconds
    return parse


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, as in 127.0.0.1:8080")
    return host.strip("[]"), int(port)


def _parse(arguments: list[str] | None) -> tuple[Settings, Path | None]:
    parser = _Parser(
        prog="python -m mayfly.bench", description="Measure a Python client of a cache: so many workers on one event "
        "loop, each of which sets a key, gets it, and goes on to the next.")
    add = parser.add_argument
    add("--client", choices=CLIENTS, default="mayfly", help="what is measured; all but mayfly need their packages [mayfly]")
    add("--loop", choices=["asyncio", "uvloop"], default="asyncio", help="the event loop [asyncio]")
    add("--endpoint", type=_endpoint, metavar="HOST:PORT",
        help="where the server is [127.0.0.1:8080; redis and valkey-glide: 127.0.0.1:6379]")
    add("--cache", default="bench", metavar="NAME", help="the cache to use; created where it does not exist [bench]")
    add("--concurrency", type=_whole(1, 1_000_000), default=50, metavar="N", help="workers in a process [50]")
    add("--max-in-flight", type=_whole(0, 1_000_000), default=0, metavar="M",
        help="let workers wait so that at most so many requests of a process are in flight; the wait is no part of a "
        "latency; 0: no cap beyond the workers [0]")
    add("--configuration", choices=CONFIGURATIONS, default="in-region-default",
        help="mayfly and momento: the pre-built configuration [in-region-default]")
    add("--configuration-version", choices=VERSIONS, default="latest", help="mayfly: its version [latest]")
    add("--value-size", type=_whole(1, 5_000_000), default=100, metavar="BYTES", help="bytes of a value [100]")
    add("--keys", type=_whole(1, 10_000_000), default=10_000, metavar="N", help="keys, of 16 bytes, taken in turn [10000]")
    add("--duration", type=_seconds(0.01, 86_400), default=10.0, metavar="S", help="seconds to measure [10]")
    add("--warmup", type=_seconds(0, 3600), default=1.0, metavar="S",
        help="seconds of load that are not measured, first [1]")
    add("--requests", type=_whole(0, 10**12), default=0, metavar="N",
        help="measure so many requests in each process, in pairs of a set and a get, instead of a time; 0: a time [0]")
    add("--processes", type=_whole(1, 1024), default=1, metavar="N",
        help="processes, each with a loop, a client and workers of its own [1]")
    add("--json", type=Path, metavar="FILE", help="write the result to this file too")
    given = parser.parse_args(arguments)
    if not given.cache:
        parser.error("argument --cache: a cache's name is not empty")
    host, port = given.endpoint or ("127.0.0.1", DEFAULT_PORTS.get(given.client, OTHER_PORT))
    settings = Settings(
        client=given.client, loop=given.loop, host=host, port=port, cache=given.cache, configuration=given.configuration,
        configuration_version=given.configuration_version, concurrency=given.concurrency,
        max_in_flight=given.max_in_flight, value_bytes=given.value_size, keys=given.keys, duration_s=given.duration,
        warmup_s=given.warmup, requests=given.requests, processes=given.processes)
    return settings, given.json


def _allow_connections() -> None:
    """A connection is an open file, and a client may want one for each request."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _measure(settings: Settings) -> Result:
    seconds = 0

    def progress(counts: Counter[int]) -> None:
        nonlocal seconds
        seconds += 1
        show_progress(seconds, counts)

    _allow_connections()
    if settings.processes > 1:
        return run_processes(settings, progress)
    return run(settings, progress)


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


def _write(path: Path, settings: Settings, result: Result, latency_ms: dict[str, float]) -> None:
    requests = max(result.requests, 1)
    text = json.dumps({
        "settings": asdict(settings), "environment": _environment(), "requests": result.requests,
        "seconds": result.until_s - result.from_s, "throughput_rps": result.throughput_rps, "errors": result.errors,
        "first_error": result.first_error, "latency_ms": latency_ms,
        "cpu_us_per_request": {"user": result.user_cpu_s * 1e6 / requests, "system": result.system_cpu_s * 1e6 / requests},
    }, indent=1)
    path.write_text(text + "\n")


def main(arguments: list[str] | None = None) -> int:
    settings, path = _parse(arguments)
    try:
        result = _measure(settings)
        latency_ms = {name: percentile_s(result.counts, fraction) * 1e3 for name, fraction in PERCENTILES.items()}
        if path is not None:
            _write(path, settings, result, latency_ms)
    except Problem as problem:
        print(f"python -m mayfly.bench: {problem}", file=sys.stderr)
        return 2 if isinstance(problem, BadOption) else 1
    except OSError as error:
        print(f"python -m mayfly.bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    what = f"{settings.client} on {settings.loop}, concurrency {settings.concurrency:,}"
    if settings.in_flight < settings.concurrency:
        what += f", at most {settings.in_flight:,} requests in flight"
    if settings.processes > 1:
        what += f", in each of {settings.processes} processes"
    print(what)
    print(f"{result.throughput_rps:,.0f} requests/s: {result.requests:,} in {result.until_s - result.from_s:.1f} s, "
          f"{result.errors:,} errors")
    print("latency, ms:   " + "   ".join(
        f"{name.replace('p999', 'p99.9')} {milliseconds:.3f}" for name, milliseconds in latency_ms.items()))
    if result.first_error:
        print(f"the first error: {result.first_error}", file=sys.stderr)
    return 0 if result.requests > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
