"""mayfly side by side with its peers on this machine: alternating, several rounds, medians, as ratios.

A server has one thread and the core 0, its client one thread and the core 1. Groups can be run alone:

    throughput   requests a second at several numbers in flight, and CPU time a request, beside Redis
    peers        the same beside gRPC's own C++ asynchronous server and client, 100 in flight on one connection
    memory       resident bytes an item beside key and value, 5 million items
    connections  memory of 10,000 idle connections while 100 busy ones go on
    flush        the longest call while a cache of 5 million items is flushed
    store        the store by itself: nanoseconds a get and a set, bytes an item, the longest get during a flush
                 and while a collection of a million elements is freed
    collections  dictionaries, lists, sets and sorted sets, 50 in flight, requests a second
    topics       one publisher to 1,000 subscribers, and 1,000 topics with one each: deliveries a second, latency
    freeing      the longest call while a collection of a million elements is deleted
    size         CPU time of a get in a cache of 10,000 items and in one of 10 million
    networks     the client that tunes itself beside the best fixed concurrency, on each network profile and as delay and
                 capacity change; 5,000 callers beside the official Python client, which runs in .venv; one call at a
                 time beside a TCP echo; how a client begins. Neither Redis nor, for the networks, a core each
    tuning       `mayfly tune` beside an exhaustive sweep, on a simulated service behind two networks; half an hour
    truth        the load generator beside the delays of a simulated service, arithmetic, and h2load

Prints a table and writes bench/results/GROUP.json. Needs Python's standard library alone, but for
the official client.
"""

from __future__ import annotations

import argparse
import datetime
import json
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

from data_types import collections, freeing, size, topics
from grpc_peer import build_grpc, grpc_server, grpc_version, measure_grpc
from harness import (
    CLIENT_CORE,
    ITEMS,
    KEY_BYTES,
    KEYS,
    MAYFLY,
    RESULTS,
    ROUNDS,
    SECONDS,
    SERVER_CORE,
    VALUE_BYTES,
    cpu_seconds,
    machine,
    mayfly_bench,
    mayfly_server,
    median,
    pinned,
    redis_bench,
    redis_server,
    resident_bytes,
)
from networks import QUICK, networks
from tuning import truth, tuning

READS = 0.9
IDLE_CONNECTIONS = 10_000

# label, in flight on mayfly, mayfly's connections, Redis's connections, Redis's pipeline
ROWS = [
    ("1 in flight, 1 connection", 1, 1, 1, 1),
    ("16 in flight, 1 connection", 16, 1, 1, 16),
    ("50 in flight, 1 connection", 50, 1, 1, 50),
    ("100 in flight, 1 connection", 100, 1, 1, 100),
    ("400 in flight, 4 connections", 400, 4, 4, 100),
    ("50 in flight, 1 connection; Redis 50 connections", 50, 1, 50, 1),
]


def measure_mayfly(server: tuple[int, int], in_flight: int, connections: int) -> dict[str, float]:
    pid, port = server
    # The server's CPU is that of a whole run, warming up (at the measured rate) and measuring; the keys are set before.
    warm = ["--value-size", VALUE_BYTES, "--keys", KEYS, "--reads", int(READS * 100), "--concurrency", in_flight,
            "--channels", connections, "--cache", "bench"]
    mayfly_bench(port, *warm, "--warmup", "0s", "--requests", in_flight)
    before = cpu_seconds(pid)
    result = mayfly_bench(port, *warm, "--filled", "--warmup", "500ms", "--duration", f"{SECONDS}s")
    spent = cpu_seconds(pid) - before
    client = result["cpu_us_per_request"]
    if result["errors"]:
        raise RuntimeError(f"mayfly bench met errors: {result['errors']}")
    requests = result["requests"] * (1 + 0.5 / SECONDS)
    return {"rps": result["throughput_rps"], "server_us": spent * 1e6 / requests,
            "client_us": client["user"] + client["system"], "p50_us": result["latency_us"]["p50"],
            "p999_us": result["latency_us"]["p999"]}


def measure_redis(server: tuple[int, int], connections: int, pipeline: int) -> dict[str, float]:
    pid, port = server
    rates, server_us, client_us = {}, {}, {}
    for test in ("set", "get"):
        quick, _ = redis_bench(port, test, 20_000 if connections * pipeline > 1 else 5_000, connections, pipeline)
        requests = int(quick * SECONDS / 2)
        before = cpu_seconds(pid)
        rates[test], cpu = redis_bench(port, test, requests, connections, pipeline)
        server_us[test] = (cpu_seconds(pid) - before) * 1e6 / requests
        client_us[test] = cpu * 1e6 / requests

    def mixed(per_request: dict[str, float]) -> float:
        return READS * per_request["get"] + (1 - READS) * per_request["set"]

    return {"rps": 1 / mixed({test: 1 / rate for test, rate in rates.items()}), "server_us": mixed(server_us),
            "client_us": mixed(client_us)}


def print_header(peer: str) -> None:
    print("requests a second, medians of the rounds; the ratio is the median of the rounds' ratios, with its range")
    print(f"{'':50} {'mayfly':>9} {peer:>9}  ratio            CPU us a request: server, client ({peer})")


def side_by_side(label: str, peer: str, ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> dict:
    """Makes a row of the rounds, and prints it."""
    a, b = median(ours), median(theirs)
    ratios = [x["rps"] / y["rps"] for x, y in zip(ours, theirs)]
    ratio = statistics.median(ratios)
    print(f"{label:50} {a['rps']:9.0f} {b['rps']:9.0f}  {ratio:.2f} ({min(ratios):.2f}-{max(ratios):.2f})   "
          f"{a['server_us']:.2f}, {a['client_us']:.2f} "
          f"({b['server_us']:.2f}, {b['client_us']:.2f})", flush=True)
    return {"row": label, "ratio": ratio, "ratio_range": [min(ratios), max(ratios)], "mayfly": a, peer.lower(): b,
            "rounds": {"mayfly": ours, peer.lower(): theirs}}


def throughput() -> dict:
    rows = []
    print_header("Redis")
    for label, in_flight, connections, redis_connections, pipeline in ROWS:
        ours, theirs = [], []
        with mayfly_server("--cache", "bench") as mayfly, redis_server() as redis:
            for _ in range(ROUNDS):
                ours.append(measure_mayfly(mayfly, in_flight, connections))
                theirs.append(measure_redis(redis, redis_connections, pipeline))
        rows.append(side_by_side(label, "Redis", ours, theirs))
    return {"value_bytes": VALUE_BYTES, "reads": READS, "rows": rows}


def peers() -> dict:
    """A client and a server have a core each, so requests a second are those of a core."""
    build_grpc()
    print_header("gRPC")
    ours, theirs = [], []
    with mayfly_server("--cache", "bench") as mayfly, grpc_server() as grpc:
        for _ in range(ROUNDS):
            ours.append(measure_mayfly(mayfly, 100, 1))
            theirs.append(measure_grpc(grpc, 100))
    row = side_by_side("100 in flight, 1 connection", "gRPC", ours, theirs)
    return {"grpc": grpc_version(), "value_bytes": VALUE_BYTES, "reads": READS, "rows": [row]}


def memory() -> dict:
    with mayfly_server("--cache", "bench", "--memory-limit", "4gib") as (pid, port):
        before = resident_bytes(pid)
        mayfly_bench(port, "--keys", ITEMS, "--value-size", VALUE_BYTES, "--reads", 100, "--requests", 1000, "--warmup",
                     "0s", "--concurrency", 100, "--channels", 1, "--cache", "bench")
        ours = (resident_bytes(pid) - before) / ITEMS - KEY_BYTES - VALUE_BYTES
    with redis_server("--enable-debug-command", "yes") as (pid, port):
        before = resident_bytes(pid)
        # Keys of KEY_BYTES for every number: the prefix of the first is one digit longer than the last's.
        subprocess.run(["redis-cli", "-p", str(port), "DEBUG", "POPULATE", str(ITEMS), "key-bytes", str(VALUE_BYTES)],
                       check=True, stdout=subprocess.DEVNULL)
        digits = sum(len(str(i)) * n for i, n in ((10 ** k, 9 * 10 ** k if 10 ** (k + 1) <= ITEMS else ITEMS - 10 ** k)
                                                  for k in range(len(str(ITEMS - 1)))))
        key_bytes = len("key-bytes:") + digits / ITEMS
        theirs = (resident_bytes(pid) - before) / ITEMS - key_bytes - VALUE_BYTES
    print(f"resident bytes an item beside key and value, {ITEMS:,} items: mayfly {ours:.1f}, Redis {theirs:.1f}")
    return {"items": ITEMS, "overhead_bytes": {"mayfly": ours, "redis": theirs}}


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
SETTINGS_ACK = bytes([0, 0, 0, 4, 1, 0, 0, 0, 0])


def idle_connections(port: int, count: int) -> list[socket.socket]:
    """Connections that have greeted, been greeted, and say nothing more."""
    sockets = []
    with selectors.DefaultSelector() as waiting:
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.sendall(PREFACE)
            waiting.register(connection, selectors.EVENT_READ)
            sockets.append(connection)
        left = count
        while left > 0:
            for key, _ in waiting.select():
                connection = key.fileobj
                if connection.recv(4096) == b"":
                    raise RuntimeError("the server closed an idle connection")
                connection.sendall(SETTINGS_ACK)
                waiting.unregister(connection)
                left -= 1
    return sockets


def connections() -> dict:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    busy = ["--concurrency", 100, "--channels", 100, "--duration", "3s", "--cache", "bench"]
    with mayfly_server("--cache", "bench") as (pid, port):
        alone = mayfly_bench(port, *busy)
        before = resident_bytes(pid)
        idle = idle_connections(port, min(IDLE_CONNECTIONS, hard - 200))
        bytes_each = (resident_bytes(pid) - before) / len(idle)
        together = mayfly_bench(port, *busy)
        for connection in idle:
            connection.close()
    ratio = together["throughput_rps"] / alone["throughput_rps"]
    print(f"{len(idle):,} idle connections: {bytes_each:.0f} resident bytes each; 100 busy ones do "
          f"{together['throughput_rps']:.0f}/s, {alone['throughput_rps']:.0f}/s without them ({ratio:.2f})")
    return {"idle": len(idle), "bytes_each": bytes_each, "busy_rps": together["throughput_rps"],
            "busy_rps_without": alone["throughput_rps"]}


def flush() -> dict:
    probe = ["--concurrency", 1, "--channels", 1, "--duration", "4s", "--cache", "probe"]
    alone, disturbed = [], []
    for _ in range(ROUNDS):
        with mayfly_server("--cache", "probe", "--memory-limit", "4gib") as (_, port):
            subprocess.run([MAYFLY, "cache", "create", "big", "--endpoint", f"127.0.0.1:{port}"], check=True)
            mayfly_bench(port, "--keys", ITEMS, "--value-size", VALUE_BYTES, "--reads", 100, "--requests", 100,
                         "--warmup", "0s", "--concurrency", 100, "--cache", "big")
            alone.append(mayfly_bench(port, *probe)["latency_us"]["max"])
            during = subprocess.Popen(
                ["sh", "-c", f"sleep 2; exec {MAYFLY} cache flush big --endpoint 127.0.0.1:{port}"])
            disturbed.append(mayfly_bench(port, *probe)["latency_us"]["max"])
            during.wait()
    added = statistics.median(disturbed) - statistics.median(alone)
    print(f"flushing {ITEMS:,} items: longest call {statistics.median(disturbed):.0f} us, "
          f"{statistics.median(alone):.0f} us undisturbed, {added:.0f} us added")
    return {"items": ITEMS, "max_us": disturbed, "undisturbed_max_us": alone, "added_us": added}


def store() -> dict:
    command = pinned(f"{SERVER_CORE},{CLIENT_CORE}", MAYFLY.parent / "store_memory")
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    print(output, end="")
    freed = subprocess.run([*command, "collections"], check=True, capture_output=True, text=True).stdout
    print(freed, end="")
    return {"items": ITEMS, "output": output.splitlines(), "collections": json.loads(freed)}


GROUPS = {"throughput": throughput, "peers": peers, "memory": memory, "connections": connections, "flush": flush,
          "store": store, "collections": collections, "topics": topics, "size": size, "freeing": freeing,
          "networks": networks, "tuning": tuning, "truth": truth}


def write(group: str, result: dict) -> None:
    RESULTS.mkdir(exist_ok=True)
    date = datetime.date.today().isoformat()
    text = json.dumps({"group": group, "date": date, "machine": machine(), **result}, indent=1)
    (RESULTS / f"{group}.json").write_text(text + "\n")


def below_floors(path: Path, group: str, result: dict) -> list[str]:
    """Compares with the lines `GROUP: ROW FLOOR` of a file."""
    problems = []
    ratios = {row["row"]: row["ratio"] for row in result["rows"]}
    for line in path.read_text().splitlines():
        if not line.startswith(f"{group}: "):
            continue
        name, floor = line.removeprefix(f"{group}: ").rsplit(None, 1)
        name = name.strip()
        if name not in ratios:
            problems.append(f"{path.name} names a row that was not measured: {name}")
        elif ratios[name] < float(floor):
            problems.append(f"{name}: {ratios[name]:.2f} is below the floor {floor}")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--group", choices=GROUPS, action="append", help="run this part alone; may be repeated")
    parser.add_argument("--quick", action="store_true", help="networks: short runs, to see that all works; nothing is written")
    parser.add_argument("--check", type=Path, metavar="FILE", help="fail where a ratio of these groups is below its floor")
    arguments = parser.parse_args()
    problems: list[str] = []
    for name in arguments.group or list(GROUPS):
        start = time.monotonic()
        print(f"== {name}", flush=True)
        is_quick = arguments.quick and name == "networks"
        result = networks(QUICK) if is_quick else GROUPS[name]()
        if not is_quick:
            write(name, result)
        if arguments.check is not None:
            problems += below_floors(arguments.check, name, result)
        print(f"== {name}: {time.monotonic() - start:.0f} s\n", flush=True)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
