"""Memory under churn: values of shifting sizes, keys that come and go, connections that come and go, against a small
limit. Seconds in the usual run, minutes when TEST_MODE is `long`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from conftest import CALL_TIMEOUT_S, Server, resident_bytes
from momento_wire_types import cacheclient_pb2 as messages
from momento_wire_types import cacheclient_pb2_grpc as stubs

StartServer = Callable[..., Server]

SECONDS = 300 if os.environ.get("TEST_MODE") == "long" else 6
LIMIT_BYTES = 32 << 20
ALLOWED_BYTES = LIMIT_BYTES * 1.05 + (64 << 20)
SIZES = [10, 100, 1_000, 10_000, 100_000, 3_000_000, 50, 5_000, 700_000, 200]


def churn(server: Server, seed: int, until: float) -> int:
    """Write and read until the time is up, on a new connection every so often; return how many calls were made."""
    calls = 0
    while time.monotonic() < until:
        with grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            scs = stubs.ScsStub(channel)
            for _ in range(200):
                size = SIZES[(calls // 50 + seed) % len(SIZES)]
                key = b"%d-%d" % (seed, calls % 3000)
                item = messages._SetRequest(cache_key=key, cache_body=b"v" * size, ttl_milliseconds=60_000)
                assert scs.Set(item, metadata=[("cache", "c")], timeout=CALL_TIMEOUT_S).result == messages.Ok
                reply = scs.Get(messages._GetRequest(cache_key=key), metadata=[("cache", "c")], timeout=CALL_TIMEOUT_S)
                assert reply.result == messages.Miss or len(reply.cache_body) == size
                calls += 2
                if time.monotonic() >= until:
                    break
    return calls


def test_memory_stays_within_the_limit_under_churn(binary: Path, start_server: StartServer) -> None:
    server = start_server("--cache", "c", "--memory-limit", str(LIMIT_BYTES), "--threads", "2")
    until = time.monotonic() + SECONDS
    with ThreadPoolExecutor(4) as pool:
        threads = [pool.submit(churn, server, seed, until) for seed in range(4)]
        highest = 0
        while not all(thread.done() for thread in threads):
            highest = max(highest, resident_bytes(server))
            time.sleep(0.05)
        assert all(thread.result() > 0 for thread in threads)
    if binary.parent.name != "release":
        pytest.skip("resident memory is that of the sanitizer; the churn itself went well")
    assert highest <= ALLOWED_BYTES
