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
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any

from .clients import CLIENTS, Client, require
from .histogram import Histogram
from .interruption import Interrupted, IsInterrupted

FOLD_S = 0.02
CLOSE_S = 5.0  # what was measured does not wait any longer for a client that does not close
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
    channels: int
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
class Second:
    """What a second of the measurement counted, in one process or in several together.

    Its ends are where the load looked at the clock, so it is not quite a second long; the last one may be cut short.
    """

    number: int  # from 0
    until_s: float  # since the measurement began
    seconds: float
    counts: Counter[int]
    errors: int

    @property
    def is_whole(self) -> bool:
        return self.until_s >= self.number + 1

    @property
    def throughput_rps(self) -> float:
        return self.counts.total() / max(self.seconds, 1e-9)

    def merge(self, other: Second) -> None:
        """Take what another process counted in the same second."""
        self.until_s = max(self.until_s, other.until_s)
        self.seconds = max(self.seconds, other.seconds)
        self.counts.update(other.counts)
        self.errors += other.errors


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
    is_partial: bool = False

    @property
    def requests(self) -> int:
        return self.counts.total()

    @property
    def seconds(self) -> float:
        return max(self.until_s - self.from_s, 1e-9)

    @property
    def throughput_rps(self) -> float:
        return self.requests / self.seconds

    def merge(self, other: Result) -> None:
        self.from_s = min(self.from_s or other.from_s, other.from_s)
        self.until_s = max(self.until_s, other.until_s)
        self.counts.update(other.counts)
        self.errors += other.errors
        self.first_error = self.first_error or other.first_error
        self.user_cpu_s += other.user_cpu_s
        self.system_cpu_s += other.system_cpu_s
        self.is_partial = self.is_partial or other.is_partial


Progress = Callable[[Second], None]


async def _wait(future: asyncio.Future[Any], is_interrupted: IsInterrupted) -> None:
    """Until it is done or an interruption comes."""
    while not future.done() and not is_interrupted():
        await asyncio.wait([future], timeout=FOLD_S)


class _Load:
    """Workers who take one key after another until there are no more, or until they are told to stop."""

    def __init__(
        self, client: Client, keys: Iterator[bytes], settings: Settings, is_interrupted: IsInterrupted
    ) -> None:
        self._client = client
        self._is_interrupted = is_interrupted
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
        """Measure for so long, or until the keys are at an end or an interruption comes. The load is there before and
        stays afterwards."""
        self._histogram.take()
        self._errors, self._first_error = 0, ""
        result = Result()
        before = resource.getrusage(resource.RUSAGE_SELF)
        result.from_s = time.monotonic()
        number, begun_s, now_s = 0, 0.0, 0.0
        while True:
            is_over = now_s >= seconds or self._workers.done()
            result.is_partial = not is_over and self._is_interrupted()
            is_last = is_over or result.is_partial
            if is_last or now_s >= number + 1:
                second = Second(number, now_s, now_s - begun_s, self._histogram.take(), self._errors - result.errors)
                result.counts.update(second.counts)
                result.errors += second.errors
                if progress is not None:
                    progress(second)
                number, begun_s = int(now_s), now_s
            else:
                self._histogram.fold()
            if is_last:
                break
            await asyncio.wait([self._workers], timeout=min(FOLD_S, seconds - now_s))
            now_s = time.monotonic() - result.from_s
        result.until_s = result.from_s + now_s
        after = resource.getrusage(resource.RUSAGE_SELF)
        result.user_cpu_s = after.ru_utime - before.ru_utime
        result.system_cpu_s = after.ru_stime - before.ru_stime
        result.first_error = self._first_error
        return result

    async def stop(self) -> None:
        """Wait for the answers to what is in flight, but not when interrupted: they may never come."""
        self._is_over = True
        await _wait(self._workers, self._is_interrupted)
        self._workers.cancel()
        with suppress(asyncio.CancelledError):
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


async def _open(settings: Settings, is_interrupted: IsInterrupted) -> Client:
    opening = asyncio.ensure_future(CLIENTS[settings.client](settings))
    await _wait(opening, is_interrupted)
    if not opening.done():
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        raise Interrupted
    return opening.result()


async def _close(client: Client, is_interrupted: IsInterrupted) -> None:
    """What a client says about its end is no part of the measurement, which must not be lost for it."""
    closing = asyncio.ensure_future(client.close())
    await _wait(closing, is_interrupted)
    await asyncio.wait([closing], timeout=CLOSE_S)
    closing.cancel()
    await asyncio.wait([closing], timeout=FOLD_S)


async def _measure(
    settings: Settings, progress: Progress, is_interrupted: IsInterrupted, meet_others: Callable[[], None] | None
) -> Result:
    async def meet() -> None:
        if meet_others is not None:
            await asyncio.get_running_loop().run_in_executor(None, meet_others)

    client = await _open(settings, is_interrupted)
    keys = cycle(_keys(settings))
    load = _Load(client, keys, settings, is_interrupted)
    try:
        warmup = await load.watch(settings.warmup_s)
        if warmup.is_partial:
            raise Interrupted
        if settings.requests > 0:
            await load.stop()
            pairs = islice(keys, (settings.requests + 1) // 2)
            await meet()
            load = _Load(client, pairs, settings, is_interrupted)
            return await load.watch(math.inf, progress)
        await meet()
        return await load.watch(settings.duration_s, progress)
    finally:
        await load.stop()
        await _close(client, is_interrupted)


def new_loop(name: str) -> asyncio.AbstractEventLoop:
    if name == "asyncio":
        return asyncio.new_event_loop()
    module: Any = require("uvloop", "uvloop")
    loop: asyncio.AbstractEventLoop = module.new_event_loop()
    return loop


def run(
    settings: Settings, progress: Progress, is_interrupted: IsInterrupted, meet: Callable[[], None] | None = None
) -> Result:
    """Open a client, warm up, `meet` the other processes, measure. Raises Problem."""
    loop = new_loop(settings.loop)
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(_measure(settings, progress, is_interrupted, meet))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()
