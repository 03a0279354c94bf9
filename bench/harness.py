"""What every part of the benchmark needs: servers and load generators, each on a core of its own, and figures."""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import socket
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAYFLY = ROOT / "build/release/mayfly"
RESULTS = ROOT / "bench/results"
SERVER_CORE, CLIENT_CORE = "0", "1"
ROUNDS = 3
SECONDS = 3.0
VALUE_BYTES = 100
KEYS = 10_000
ITEMS = 5_000_000
KEY_BYTES = 16
PAGE_BYTES = resource.getpagesize()
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def pinned(core: str, *command: object) -> list[str]:
    return ["taskset", "-c", core, *map(str, command)]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


@contextmanager
def mayfly_server(*options: object) -> Iterator[tuple[int, int]]:
    """A server on a free port; gives its process id and port."""
    command = pinned(SERVER_CORE, MAYFLY, "serve", "--listen", "127.0.0.1:0", *options)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            records = map(json.loads, server.stderr)
            yield server.pid, next(record["port"] for record in records if record["event"] == "listening")
        finally:
            server.terminate()
            server.stderr.read()


@contextmanager
def redis_server(*options: object) -> Iterator[tuple[int, int]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = pinned(SERVER_CORE, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly",
                     "no", "--daemonize", "no", *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            for line in server.stdout:
                if "Ready to accept connections" in line:
                    break
            else:
                raise RuntimeError("redis-server did not start")
            os.set_blocking(server.stdout.fileno(), False)
            yield server.pid, port
        finally:
            server.terminate()


def mayfly_bench(port: int, *options: object) -> dict:
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        subprocess.run(
            pinned(CLIENT_CORE, MAYFLY, "bench", "--endpoint", f"127.0.0.1:{port}", "--json", result.name, *options),
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return json.loads(Path(result.name).read_text())


def redis_bench(port: int, test: str, requests: int, connections: int, pipeline: int,
                keys: int = KEYS) -> tuple[float, float]:
    """Requests a second, and CPU seconds of the client. A test in capitals is a command of its own."""
    what = test.split() if test.isupper() or " " in test else ["-t", test]
    command = pinned(CLIENT_CORE, "redis-benchmark", "-p", port, "-n", requests, "-c", connections, "-P", pipeline, "-d",
                     VALUE_BYTES, "-r", keys, "--csv", *what)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    row = re.search(rf'"{re.escape(test)}","([\d.]+)"', done.stdout, re.IGNORECASE)
    if done.returncode != 0 or row is None:
        raise RuntimeError(f"redis-benchmark ended with {done.returncode} and said: {done.stdout}{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return float(row[1]), cpu


def median(samples: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(sample[key] for sample in samples) for key in samples[0]}


def machine() -> dict[str, object]:
    names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    redis = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout
    return {"processor": names[0] if names else "", "cores": os.cpu_count(), "kernel": platform.release(),
            "mayfly": subprocess.run([MAYFLY, "version"], capture_output=True, text=True, check=True).stdout.split()[1],
            "redis": redis.split("v=")[1].split()[0]}
