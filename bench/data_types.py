"""Collections and topics beside Redis's, and what the size of a cache costs."""

from __future__ import annotations

import json
import statistics
import subprocess

from harness import (
    CLIENT_CORE,
    KEYS,
    MAYFLY,
    ROUNDS,
    SECONDS,
    VALUE_BYTES,
    cpu_seconds,
    mayfly_bench,
    mayfly_server,
    median,
    pinned,
    redis_bench,
    redis_server,
)

IN_FLIGHT = 50
SORTED_ELEMENTS = 100_000
MIDDLE = SORTED_ELEMENTS // 2

# label, mayfly's workload, percent reads, elements, Redis's commands, which share the requests evenly
COLLECTIONS = [
    ("HSET/HGET", "dictionary", 50, KEYS, ["hset", "HGET myhash element:__rand_int__"]),
    ("LPUSH/LPOP", "list", 50, KEYS, ["lpush", "lpop"]),
    ("SADD", "set", 0, KEYS, ["sadd"]),
    ("ZADD", "sorted-set", 0, KEYS, ["zadd"]),
    ("ZRANGE 10 of 100,000", "sorted-set", 100, SORTED_ELEMENTS, [f"ZRANGE sorted {MIDDLE} {MIDDLE + 9}"]),
]

# label, topics, subscribers to each
TOPICS = [("1 publisher, 1,000 subscribers", 1, 1000), ("1,000 topics, 1 subscriber each", 1000, 1)]
WINDOWS = [1, 32]

SIZES = [10_000, 10_000_000]
LARGE = 1_000_000


def measure_mayfly(port: int, workload: str, reads: int, elements: int) -> dict[str, float]:
    result = mayfly_bench(port, "--workload", workload, "--reads", reads, "--keys", elements, "--value-size", VALUE_BYTES,
                          "--concurrency", IN_FLIGHT, "--channels", 1, "--cache", "bench", "--warmup", "500ms",
                          "--duration", f"{SECONDS}s")
    if result["errors"]:
        raise RuntimeError(f"mayfly bench met errors: {result['errors']}")
    return {"rps": result["throughput_rps"], "p50_us": result["latency_us"]["p50"],
            "p999_us": result["latency_us"]["p999"]}


def measure_redis(port: int, tests: list[str], connections: int, pipeline: int) -> dict[str, float]:
    seconds_a_request = []
    for test in tests:
        quick, _ = redis_bench(port, test, 20_000, connections, pipeline)
        rate, _ = redis_bench(port, test, int(quick * SECONDS / 2), connections, pipeline)
        seconds_a_request.append(1 / rate)
    return {"rps": 1 / statistics.mean(seconds_a_request)}


def fill_sorted_set(port: int) -> None:
    commands = "".join(f"ZADD sorted {i} element:{i:012}\n" for i in range(SORTED_ELEMENTS))
    subprocess.run(["redis-cli", "-p", str(port)], input=commands, text=True, check=True, stdout=subprocess.DEVNULL)


def collections() -> dict:
    rows = []
    print(f"requests a second, {IN_FLIGHT} in flight on one connection; the ratio is to Redis with {IN_FLIGHT} plain "
          f"connections, the second one to Redis with a pipeline of {IN_FLIGHT}")
    print(f"{'':24} {'mayfly':>9} {'Redis':>9} {'pipeline':>9}  ratio            pipeline")
    for label, workload, reads, elements, tests in COLLECTIONS:
        ours, plain, piped = [], [], []
        with redis_server() as (_, redis):
            fill_sorted_set(redis)
            for _ in range(ROUNDS):
                with mayfly_server("--cache", "bench") as (_, port):
                    ours.append(measure_mayfly(port, workload, reads, elements))
                plain.append(measure_redis(redis, tests, IN_FLIGHT, 1))
                piped.append(measure_redis(redis, tests, 1, IN_FLIGHT))
        ratios = [x["rps"] / y["rps"] for x, y in zip(ours, plain)]
        piped_ratios = [x["rps"] / y["rps"] for x, y in zip(ours, piped)]
        row = {"row": label, "ratio": statistics.median(ratios), "ratio_range": [min(ratios), max(ratios)],
               "pipeline_ratio": statistics.median(piped_ratios),
               "pipeline_ratio_range": [min(piped_ratios), max(piped_ratios)],
               "mayfly": median(ours), "redis": median(plain), "redis_pipeline": median(piped)}
        rows.append(row)
        print(f"{label:24} {row['mayfly']['rps']:9.0f} {row['redis']['rps']:9.0f} {row['redis_pipeline']['rps']:9.0f}  "
              f"{row['ratio']:.2f} ({min(ratios):.2f}-{max(ratios):.2f})  {row['pipeline_ratio']:.2f} "
              f"({min(piped_ratios):.2f}-{max(piped_ratios):.2f})", flush=True)
    return {"in_flight": IN_FLIGHT, "value_bytes": VALUE_BYTES, "rows": rows}


def measure_topics(peer: str, port: int, topic_count: int, subscribers: int, window: int) -> dict[str, float]:
    command = pinned(CLIENT_CORE, MAYFLY.parent / "pubsub", peer, "127.0.0.1", port, topic_count, subscribers, window,
                     int(SECONDS))
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def topics() -> dict:
    rows = []
    print("deliveries a second and the time from publishing to each delivery; window: messages on their way at once")
    print(f"{'':34} window  {'mayfly':>9} {'Redis':>9}  ratio            p50, p99 us (Redis)")
    for label, topic_count, subscribers in TOPICS:
        for window in WINDOWS:
            ours, theirs = [], []
            with mayfly_server("--cache", "bench") as (_, mayfly), redis_server() as (_, redis):
                for _ in range(ROUNDS):
                    ours.append(measure_topics("mayfly", mayfly, topic_count, subscribers, window))
                    theirs.append(measure_topics("redis", redis, topic_count, subscribers, window))
            a, b = median(ours), median(theirs)
            ratios = [x["deliveries_per_s"] / y["deliveries_per_s"] for x, y in zip(ours, theirs)]
            rows.append({"row": f"{label}, window {window}", "ratio": statistics.median(ratios),
                         "ratio_range": [min(ratios), max(ratios)], "mayfly": a, "redis": b})
            print(f"{label:34} {window:6}  {a['deliveries_per_s']:9.0f} {b['deliveries_per_s']:9.0f}  "
                  f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})   "
                  f"{a['p50_us']:.0f}, {a['p99_us']:.0f} ({b['p50_us']:.0f}, {b['p99_us']:.0f})", flush=True)
    return {"rows": rows}


def get_cpu_us(pid: int, port: int, keys: int, load: list[object]) -> float:
    before = cpu_seconds(pid)
    result = mayfly_bench(port, *load, "--keys", keys, "--filled", "--warmup", "0s", "--duration", f"{SECONDS}s")
    if result["errors"] or result["misses"]:
        raise RuntimeError(f"{result['errors']} errors, {result['misses']} misses")
    return (cpu_seconds(pid) - before) * 1e6 / result["requests"]


def size() -> dict:
    """Both servers run at once, so that the machine's moods are the same for both."""
    load = ["--value-size", VALUE_BYTES, "--reads", 100, "--concurrency", 100, "--channels", 1, "--cache", "bench"]
    servers = [mayfly_server("--cache", "bench", "--memory-limit", "4gib") for _ in SIZES]
    spent: list[list[float]] = [[] for _ in SIZES]
    with servers[0] as small, servers[1] as large:
        for (_, port), keys in zip((small, large), SIZES):
            mayfly_bench(port, *load, "--keys", keys, "--requests", 1000, "--warmup", "0s")
        for _ in range(ROUNDS):
            for i, ((pid, port), keys) in enumerate(zip((small, large), SIZES)):
                spent[i].append(get_cpu_us(pid, port, keys, load))
    ratios = [b / a for a, b in zip(*spent)]
    medians = [statistics.median(samples) for samples in spent]
    print(f"server CPU of a get: {medians[0]:.2f} us with {SIZES[0]:,} items, {medians[1]:.2f} us with {SIZES[1]:,}, "
          f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")
    return {"items": SIZES, "server_us": medians, "ratio": statistics.median(ratios),
            "ratio_range": [min(ratios), max(ratios)]}


def longest_call_us(port: int, meanwhile: str | None = None) -> float:
    """The longest of four seconds' calls, one after another, with a command half-way."""
    during = subprocess.Popen(["sh", "-c", f"sleep 2; exec {meanwhile}"]) if meanwhile else None
    result = mayfly_bench(port, "--concurrency", 1, "--channels", 1, "--duration", "4s", "--cache", "probe")
    if during is not None and during.wait() != 0:
        raise RuntimeError(f"{meanwhile} failed")
    return result["latency_us"]["max"]


def freeing() -> dict:
    rows = []
    for workload in ("dictionary", "list", "set", "sorted-set"):
        alone, disturbed = [], []
        with mayfly_server("--cache", "probe", "--memory-limit", "4gib") as (_, port):
            endpoint = f"--endpoint 127.0.0.1:{port}"
            subprocess.run(f"{MAYFLY} cache create big {endpoint}", shell=True, check=True)
            for _ in range(ROUNDS):
                mayfly_bench(port, "--workload", workload, "--keys", LARGE, "--reads", 100, "--requests", 1, "--warmup",
                             "0s", "--concurrency", 100, "--cache", "big")
                alone.append(longest_call_us(port))
                disturbed.append(longest_call_us(port, f"{MAYFLY} delete big collection {endpoint}"))
        added = statistics.median(disturbed) - statistics.median(alone)
        rows.append({"type": workload, "max_us": disturbed, "undisturbed_max_us": alone, "added_us": added})
        print(f"deleting a {workload} of {LARGE:,} elements: longest call {statistics.median(disturbed):.0f} us, "
              f"{statistics.median(alone):.0f} us undisturbed, {added:.0f} us added", flush=True)
    return {"elements": LARGE, "rows": rows}
