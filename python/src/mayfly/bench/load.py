"""The load: workers on one event loop, each of which sets a key, gets it, and goes on to the next.

The loop is closed: a worker asks again when it is answered, so with N workers N requests are in flight. A call's latency
is from before the call to when its worker runs again, which is what an application waits. To read the clock twice, to
keep the latency and to look at the reply takes some 0.15 us a call, and 0.05 us more to count it, 50 times a second in
slices too short to be seen in p99.9.
"""

from __future__ import annotations

import asyncio
import math
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any

from .clients import CLIENTS, Client, require
from .histogram import Histogram, percentile_s

FOLD_S = 0.02
PROGRESS_S = 1.0
PAUSE_AFTER_ERROR_S = 0.01  # a server that refuses at once must not be asked in a tight loop


@dataclass(frozen=True)
class Settings:
    """What the options say."""

    client: str
    loop: str
    host: str
    port: int
    cache: str
    configuration: str
    configuration_version: str
    concurrency: int
    max_in_flight: int
    value_bytes: int
    keys: int
    duration_s: float
    warmup_s: float
    requests: int
    processes: int

    @property
    def in_flight(self) -> int:
        return min(self.max_in_flight or self.concurrency, self.concurrency)


@dataclass
class Result:
    """What was measured, in one process or in several together."""

    counts: Counter[int] = field(default_factory=Counter)
    errors: int = 0
    first_error: str = ""
    from_s: float = 0.0
    until_s: float = 0.0
    user_cpu_s: float = 0.0
    system_cpu_s: float = 0.0

    @property
    def requests(self) -> int:
        return self.counts.total()

    @property
    def throughput_rps(self) -> float:
        return self.requests / max(self.until_s - self.from_s, 1e-9)

    def merge(self, other: Result) -> None:
        self.from_s = min(self.from_s, other.from_s) if self.counts else other.from_s
        self.until_s = max(self.until_s, other.until_s)
        self.counts.update(other.counts)
        self.errors += other.errors
        self.first_error = self.first_error or other.first_error
        self.user_cpu_s += other.user_cpu_s
        self.system_cpu_s += other.system_cpu_s


# Takes what a second of the measurement counted.
Progress = Callable[[Counter[int]], None]


def show_progress(number: int, counts: Counter[int], seconds: float = PROGRESS_S) -> None:
    print(f"{number:4} s {counts.total() / seconds:10,.0f} requests/s   p99.9 "
          f"{percentile_s(counts, 0.999) * 1e3:9.3f} ms", file=sys.stderr, flush=True)


class _Load:
    """Workers who take one key after another until there are no more, or until they are told to stop."""

    def __init__(self, client: Client, keys: Iterator[bytes], settings: Settings) -> None:
        self._client = client
        self._keys = keys  # shared: a worker takes the next when it is ready for it
        self._value = bytes(settings.value_bytes)
        self._histogram = Histogram()
        self._is_over = False
        self._errors = 0
        self._first_error = ""
        workers = range(settings.concurrency)
        if settings.in_flight < settings.concurrency:
            places = asyncio.Semaphore(settings.in_flight)
            self._workers = asyncio.gather(*(self._work_in_turn(places) for _ in workers))
        else:
            self._workers = asyncio.gather(*(self._work() for _ in workers))

    async def watch(self, seconds: float, progress: Progress | None = None) -> Result:
        """Measure for so long, or until the keys are at an end. The load is there before and stays afterwards."""
        self._histogram.take()
        self._errors, self._first_error = 0, ""
        result = Result()
        before = resource.getrusage(resource.RUSAGE_SELF)
        result.from_s = second_s = now_s = time.monotonic()
        while True:
            if now_s >= second_s + PROGRESS_S:
                second = self._histogram.take()
                result.counts.update(second)
                second_s += PROGRESS_S
                if progress is not None:
                    progress(second)
            else:
                self._histogram.fold()
            left_s = result.from_s + seconds - now_s
            if left_s <= 0 or self._workers.done():
                break
            await asyncio.wait([self._workers], timeout=min(FOLD_S, left_s))
            now_s = time.monotonic()
        result.until_s = now_s
        result.counts.update(self._histogram.take())
        after = resource.getrusage(resource.RUSAGE_SELF)
        result.user_cpu_s = after.ru_utime - before.ru_utime
        result.system_cpu_s = after.ru_stime - before.ru_stime
        result.errors, result.first_error = self._errors, self._first_error
        return result

    async def stop(self) -> None:
        """Wait for the answers to what is in flight."""
        self._is_over = True
        await self._workers

    async def _work(self) -> None:
        set_value, get_value, stored, hit, _ = self._client
        value, record, clock = self._value, self._histogram.record, time.perf_counter
        for key in self._keys:
            try:
                start = clock()
                reply = await set_value(key, value)
                taken = clock() - start
                if reply.__class__ is stored:
                    record(taken)
                else:
                    await self._failed(reply)
                start = clock()
                reply = await get_value(key)
                taken = clock() - start
                if reply.__class__ is hit:
                    record(taken)
                else:
                    await self._failed(reply)
            except Exception as error:
                await self._failed(error)
            if self._is_over:
                return

    async def _work_in_turn(self, places: asyncio.Semaphore) -> None:
        """As `_work`, with fewer places than workers. The wait for one is the application's and no part of a latency."""
        set_value, get_value, stored, hit, _ = self._client
        value, record, clock = self._value, self._histogram.record, time.perf_counter
        for key in self._keys:
            try:
                async with places:
                    start = clock()
                    reply = await set_value(key, value)
                    taken = clock() - start
                if reply.__class__ is stored:
                    record(taken)
                else:
                    await self._failed(reply)
                async with places:
                    start = clock()
                    reply = await get_value(key)
                    taken = clock() - start
                if reply.__class__ is hit:
                    record(taken)
                else:
                    await self._failed(reply)
            except Exception as error:
                await self._failed(error)
            if self._is_over:
                return

    async def _failed(self, reply: object) -> None:
        self._errors += 1
        if not self._first_error:
            message = getattr(reply, "message", None) or reply
            self._first_error = " ".join(f"{reply.__class__.__qualname__}: {message}".split())
        await asyncio.sleep(PAUSE_AFTER_ERROR_S)


def _keys(settings: Settings) -> list[bytes]:
    return [f"key:{number:012}".encode() for number in range(settings.keys)]


async def _measure(settings: Settings, progress: Progress, meet_others: Callable[[], None] | None) -> Result:
    async def meet() -> None:
        if meet_others is not None:
            await asyncio.get_running_loop().run_in_executor(None, meet_others)

    client = await CLIENTS[settings.client](settings)
    try:
        keys = cycle(_keys(settings))
        load = _Load(client, keys, settings)
        await load.watch(settings.warmup_s)
        if settings.requests > 0:
            await load.stop()
            pairs = islice(keys, (settings.requests + 1) // 2)
            await meet()
            load = _Load(client, pairs, settings)
            result = await load.watch(math.inf, progress)
        else:
            await meet()
            result = await load.watch(settings.duration_s, progress)
        await load.stop()
        return result
    finally:
        await client.close()


def new_loop(name: str) -> asyncio.AbstractEventLoop:
    if name == "asyncio":
        return asyncio.new_event_loop()
    module: Any = require("uvloop", "uvloop")
    loop: asyncio.AbstractEventLoop = module.new_event_loop()
    return loop


def run(settings: Settings, progress: Progress, meet: Callable[[], None] | None = None) -> Result:
    """Open a client, warm up, `meet` the other processes, measure. Raises Problem."""
    loop = new_loop(settings.loop)
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(_measure(settings, progress, meet))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()
