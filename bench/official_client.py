"""The official Python client under load: so many gets at once, on one event loop, the next when one is answered.

    official_client.py PORT CACHE CONCURRENCY SECONDS

Prints one line of JSON. Runs in the environment of the tests, where the client is installed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import timedelta

from momento import CacheClientAsync, Configurations, CredentialProvider
from momento.responses import CacheGet

WARMUP_S = 2.0
PATIENCE = timedelta(seconds=60)  # a latency that is cut off is not measured


async def ask(client: CacheClientAsync, cache: str, from_s: float, until_s: float, latencies_s: list[float]) -> int:
    """Get one value after another; return how many gets failed."""
    failures = 0
    start = time.perf_counter()
    while start < until_s:
        reply = await client.get(cache, "key")
        end = time.perf_counter()
        if not isinstance(reply, CacheGet.Hit):
            failures += 1
        elif start >= from_s:
            latencies_s.append(end - start)
        start = end
    return failures


async def main(port: int, cache: str, concurrency: int, seconds: float) -> None:
    configuration = Configurations.InRegion.Default.latest().with_client_timeout(PATIENCE)
    credentials = CredentialProvider.for_momento_local("127.0.0.1", port)
    async with await CacheClientAsync.create(configuration, credentials, timedelta(hours=1)) as client:
        await client.set(cache, "key", bytes(100))
        latencies_s: list[float] = []
        from_s = time.perf_counter() + WARMUP_S
        until_s = from_s + seconds
        callers = (ask(client, cache, from_s, until_s, latencies_s) for _ in range(concurrency))
        failures = sum(await asyncio.gather(*callers))
    latencies_s.sort()
    quantiles = {name: latencies_s[int(fraction * (len(latencies_s) - 1))] * 1e6
                 for name, fraction in (("p50_us", 0.5), ("p99_us", 0.99), ("p999_us", 0.999))}
    print(json.dumps({"rps": len(latencies_s) / seconds, "failures": failures, **quantiles}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
