"""Several processes that share one cache, for one Python process uses one core however many requests are in flight.

    mayfly serve --cache example &
    python processes.py 127.0.0.1 8080 example 2

Each process has an event loop and a client of its own. The processes are spawned, and each opens its client when it
has started.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta

from mayfly import CacheClientAsync, Configurations, CredentialProvider
from mayfly.responses import CacheGet, CacheSet

SECONDS = 5.0
TASKS = 50  # that ask at once in each process; the configuration decides how many requests are on the wire
TTL = timedelta(minutes=1)


async def ask(client: CacheClientAsync, cache: str, key: str, until_s: float) -> int:
    """Set and get one key again and again; return how many requests were answered."""
    requests = 0
    while time.monotonic() < until_s:
        stored = await client.set(cache, key, "a value")
        if isinstance(stored, CacheSet.Error):
            raise RuntimeError(f"set: {stored.message}")
        found = await client.get(cache, key)
        if isinstance(found, CacheGet.Error):
            raise RuntimeError(f"get: {found.message}")
        requests += 2
    return requests


async def work(host: str, port: int, cache: str, number: int) -> float:
    """What one process does; returns its requests a second."""
    configuration = Configurations.InRegion.Default.latest()
    credentials = CredentialProvider.for_momento_local(host, port)
    async with await CacheClientAsync.create(configuration, credentials, TTL) as client:
        start = time.monotonic()
        tasks = (ask(client, cache, f"process {number}, task {task}", start + SECONDS) for task in range(TASKS))
        requests = sum(await asyncio.gather(*tasks))
        return requests / (time.monotonic() - start)


def run(host: str, port: int, cache: str, number: int) -> float:
    return asyncio.run(work(host, port, cache, number))


def main() -> int:
    if len(sys.argv) != 5:
        print(f"usage: {sys.argv[0]} HOST PORT CACHE PROCESSES", file=sys.stderr)
        return 2
    host, port, cache, processes = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(run, host, port, cache, number) for number in range(processes)]
        rates = [future.result() for future in futures]
    for number, rate in enumerate(rates):
        print(f"process {number}: {rate:,.0f} requests/s")
    print(f"together: {sum(rates):,.0f} requests/s")
    return 0


# A spawned process imports this file, so what starts processes must not run then.
if __name__ == "__main__":
    sys.exit(main())
