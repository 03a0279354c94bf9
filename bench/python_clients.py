"""The Python client side by side with others on this machine: alternating in one run, several rounds, medians, as ratios.

    clients    mayfly beside momento, grpcio without an SDK, redis and valkey-glide, at several numbers in flight
    loops      uvloop beside asyncio, for mayfly and momento
    processes  two processes beside one, for mayfly and momento

A server of each protocol has one thread and the core 0, and a client's whole process the core 1: valkey-glide's does its
input and output in native threads, and they share that core with its Python, as all that the others do does. Only for the
processes a client may use every core. Each client sets keys of 16 bytes to values of 100 and gets them, in turn.

Prints tables as it goes and, if all parts were run, writes bench/results/python.json. Runs on Python's standard library
alone; the clients are in .venv.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import (
    CLIENT_CORE,
    KEYS,
    RESULTS,
    ROOT,
    ROUNDS,
    SECONDS,
    VALUE_BYTES,
    machine,
    mayfly_server,
    median,
    pinned,
    redis_server,
)

PYTHON = ROOT / ".venv/bin/python"
CACHE = "bench"
CONFIGURATION = "in-region-default"
OURS = "mayfly"
PEERS = ["momento", "grpcio", "redis", "valkey-glide"]
REDIS_CLIENTS = {"redis", "valkey-glide"}
POINTS = [1, 5, 50, 100, 1000, 5000]
LOOP_CLIENTS = [OURS, "momento"]
LOOP_POINTS = [50, 100]
PROCESSES_POINT = 100
FIGURES = ["rps", "p50_ms", "p999_ms"]


@dataclass
class Plan:
    """What the command line says, and where the servers are."""

    rounds: int
    seconds: float
    points: list[int]
    peers: list[str]
    mayfly_port: int = 0
    redis_port: int = 0


def run_client(plan: Plan, client: str, concurrency: int, *options: object, is_pinned: bool = True) -> dict[str, Any]:
    """One run of `python -m mayfly.bench`; its result, with the figures of FIGURES."""
    port = plan.redis_port if client in REDIS_CLIENTS else plan.mayfly_port
    warmup_s = 1 if concurrency < 1000 else 2
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [PYTHON, "-m", "mayfly.bench", "--client", client, "--endpoint", f"127.0.0.1:{port}", "--cache", CACHE,
                   "--configuration", CONFIGURATION, "--concurrency", concurrency, "--value-size", VALUE_BYTES, "--keys",
                   KEYS, "--warmup", warmup_s, "--duration", plan.seconds, "--json", file.name, *options]
        words = pinned(CLIENT_CORE, *command) if is_pinned else list(map(str, command))
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"the run of {client} with {concurrency} in flight failed: {done.stderr}")
        result: dict[str, Any] = json.loads(Path(file.name).read_text())
    if result["errors"]:
        print(f"{client}, {concurrency} in flight: {result['errors']} errors, the first {result['first_error']}")
    return {**result, "rps": result["throughput_rps"], "p50_ms": result["latency_ms"]["p50"],
            "p999_ms": result["latency_ms"]["p999"]}


def figures(results: list[dict[str, Any]]) -> dict[str, float]:
    """Medians of the rounds."""
    return median([{"errors": result["errors"], **{name: result[name] for name in FIGURES}} for result in results])


def ratios(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Of each figure the median of the rounds' ratios, with the least and the greatest."""
    of_rounds = {name: [a[name] / b[name] for a, b in zip(ours, theirs)] for name in FIGURES}
    return {name: [statistics.median(values), min(values), max(values)] for name, values in of_rounds.items()}


def show_header(title: str, ratio: str) -> None:
    print(f"{title:24} {'requests/s':>10} {'p50 ms':>9} {'p99.9 ms':>9}   {ratio}: requests/s, p50, p99.9")


def show(label: str, figures: dict[str, float], ratio: dict[str, list[float]] | None = None) -> None:
    text = f"  {label:22} {figures['rps']:10,.0f} {figures['p50_ms']:9.3f} {figures['p999_ms']:9.3f}"
    for middle, least, most in (ratio or {}).values():
        text += f"   {middle:.3g} ({least:.3g}-{most:.3g})"
    print(text, flush=True)


# --- The parts ---


def clients(plan: Plan) -> dict[str, Any]:
    rows = []
    packages: dict[str, str] = {}
    for point in plan.points:
        results: dict[str, list[dict[str, Any]]] = {client: [] for client in [OURS, *plan.peers]}
        for _ in range(plan.rounds):
            for client in results:
                results[client].append(run_client(plan, client, point))
                packages.update(results[client][-1]["environment"]["packages"])
        show_header(f"{point:,} in flight", "mayfly's as a multiple of theirs")
        show(OURS, figures(results[OURS]))
        row: dict[str, Any] = {"in_flight": point, OURS: figures(results[OURS]), "peers": {}}
        for peer in plan.peers:
            ratio = ratios(results[OURS], results[peer])
            row["peers"][peer] = {**figures(results[peer]), "ratio": ratio}
            show(peer, figures(results[peer]), ratio)
        rows.append(row)
    return {"packages": packages, "rows": rows}


def compare(plan: Plan, client: str, point: int, base: list[object], other: list[object], is_pinned: bool,
            labels: tuple[str, str]) -> dict[str, Any]:
    """One client with two sets of options."""
    before, after = [], []
    for _ in range(plan.rounds):
        before.append(run_client(plan, client, point, *base, is_pinned=is_pinned))
        after.append(run_client(plan, client, point, *other, is_pinned=is_pinned))
    ratio = ratios(after, before)
    show_header(f"{client}, {point:,} in flight", f"as a multiple of {labels[0]}")
    show(labels[0], figures(before))
    show(labels[1], figures(after), ratio)
    return {"client": client, "in_flight": point, labels[0]: figures(before), labels[1]: figures(after), "ratio": ratio}


def loops(plan: Plan) -> dict[str, Any]:
    return {"rows": [compare(plan, client, point, ["--loop", "asyncio"], ["--loop", "uvloop"], True, ("asyncio", "uvloop"))
                     for client in LOOP_CLIENTS for point in LOOP_POINTS]}


def processes(plan: Plan) -> dict[str, Any]:
    print("in flight is of each process; a client may use every core, one of them beside the server")
    return {"rows": [compare(plan, client, PROCESSES_POINT, ["--processes", 1], ["--processes", 2], False,
                             ("1 process", "2 processes")) for client in LOOP_CLIENTS]}


GROUPS = {"clients": clients, "loops": loops, "processes": processes}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--group", choices=GROUPS, action="append", help="run this part alone; may be repeated")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"rounds of each comparison [{ROUNDS}]")
    parser.add_argument("--seconds", type=float, default=SECONDS, metavar="S", help=f"how long a run measures [{SECONDS}]")
    parser.add_argument("--points", type=int, nargs="+", default=POINTS, metavar="N",
                        help=f"clients: numbers in flight [{' '.join(map(str, POINTS))}]")
    parser.add_argument("--peers", choices=PEERS, nargs="+", default=PEERS, help=f"clients: peers [{' '.join(PEERS)}]")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.seconds <= 0 or min(arguments.points) < 1:
        parser.error("rounds, seconds and numbers in flight are positive")
    plan = Plan(arguments.rounds, arguments.seconds, arguments.points, arguments.peers)
    results: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        _, plan.mayfly_port = stack.enter_context(mayfly_server("--cache", CACHE))
        _, plan.redis_port = stack.enter_context(redis_server())
        for name in arguments.group or list(GROUPS):
            start = time.monotonic()
            print(f"== {name}", flush=True)
            results[name] = GROUPS[name](plan)
            print(f"== {name}: {time.monotonic() - start:.0f} s\n", flush=True)
    if results.keys() == GROUPS.keys():
        RESULTS.mkdir(exist_ok=True)
        python = subprocess.run([PYTHON, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
        text = json.dumps({"group": "python", "date": datetime.date.today().isoformat(),
                           "machine": {**machine(), "python": python}, "configuration": CONFIGURATION,
                           "rounds": plan.rounds, "seconds": plan.seconds, **results}, indent=1)
        (RESULTS / "python.json").write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
