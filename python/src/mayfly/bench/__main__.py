"""Measure a Python client of a cache: throughput, and latencies as an application sees them.

    python -m mayfly.bench --concurrency 100
    python -m mayfly.bench --client redis --loop uvloop --json result.json
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from .clients import (
    CLIENTS,
    CONFIGURATIONS,
    DEFAULT_PORTS,
    MAX_CHANNELS,
    OTHER_PORT,
    VERSIONS,
    WITHOUT_CHANNELS,
    BadOption,
    Problem,
)
from .interruption import Interrupted, Interruption, IsInterrupted
from .load import Result, Second, Settings, run
from .processes import run_processes
from .report import Course, check_writable, show, write


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
    add("--channels", type=_whole(0, MAX_CHANNELS), default=0, metavar="N",
        help="mayfly, momento and grpcio: connections of a process; 0: as many as the client opens by itself [0]")
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
    if given.channels > 0 and given.client in WITHOUT_CHANNELS:
        parser.error(f"argument --channels: {WITHOUT_CHANNELS[given.client]}")
    host, port = given.endpoint or ("127.0.0.1", DEFAULT_PORTS.get(given.client, OTHER_PORT))
    settings = Settings(
        client=given.client, loop=given.loop, host=host, port=port, cache=given.cache, configuration=given.configuration,
        configuration_version=given.configuration_version, concurrency=given.concurrency,
        max_in_flight=given.max_in_flight, channels=given.channels, value_bytes=given.value_size, keys=given.keys,
        duration_s=given.duration, warmup_s=given.warmup, requests=given.requests, processes=given.processes)
    return settings, given.json


def _allow_connections() -> None:
    """A connection is an open file, and a client may want one for each request."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _measure(settings: Settings, course: Course, is_interrupted: IsInterrupted) -> Result:
    def progress(second: Second) -> None:
        line = course.take(second)
        if second.is_whole:
            print(line, file=sys.stderr, flush=True)

    _allow_connections()
    if settings.processes > 1:
        result = run_processes(settings, progress, is_interrupted)
    else:
        result = run(settings, progress, is_interrupted)
    if result.is_partial and result.requests + result.errors == 0:
        raise Interrupted
    return result


def _complain(problem: Exception) -> None:
    print(f"python -m mayfly.bench: {problem}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    interruption = Interruption()
    settings, path = _parse(arguments)
    course = Course()
    try:
        if path is not None:
            check_writable(path)
        result = _measure(settings, course, interruption.has_come)
        show(settings, result)
        if path is not None:
            write(path, settings, result, course)
    except Problem as problem:
        _complain(problem)
        return interruption.exit_status or (2 if isinstance(problem, BadOption) else 1)
    except OSError as error:
        _complain(error)
        return 1
    if result.first_error:
        print(f"the first error: {result.first_error}", file=sys.stderr)
    return interruption.exit_status or (0 if result.requests > 0 else 1)


if __name__ == "__main__":
    sys.exit(main())
