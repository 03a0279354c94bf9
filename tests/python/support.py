"""What the tests of the Python package share: servers, and clients of both kinds that are called in one way."""

from __future__ import annotations

import asyncio
import inspect
import json
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from mayfly.errors import MomentoErrorCode

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = "tests"
HOUR = timedelta(hours=1)
HOUR_MS = 3_600_000
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
POLLS = 20_000

BLOCKING, ASYNCIO = "blocking", "asyncio"
KINDS = [BLOCKING, ASYNCIO]

# What was called, as (class, method); test_every_method.py compares it with what there is.
called: set[tuple[str, str]] = set()

# Objects that clients give and that have methods of their own.
_WRAPPED = {"Leaderboard", "LeaderboardAsync", "Subscription", "SubscriptionAsync"}


class Server:
    """A running `mayfly serve` on a port of its own, with faults on order."""

    def __init__(self, binary: Path, *args: str) -> None:
        """Start it and wait until it says that it listens."""
        self.log: list[str] = []
        self._listening: queue.Queue[int | None] = queue.Queue()
        self._process = subprocess.Popen(
            [str(binary), "serve", "--listen", "127.0.0.1:0", "--test-faults", "--test-faults-listen", "127.0.0.1:0",
             "--cache", CACHE, *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        try:
            port = self._listening.get(timeout=START_TIMEOUT_S)
        except queue.Empty:
            port = None
        if port is None:
            self._process.kill()
            self._end()
            raise RuntimeError("the server did not begin to listen; its log:\n" + "".join(self.log))
        self.port = port

    def pause(self) -> None:
        """Have it stand still: it keeps its connections and says nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End its pause."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it as an operator would; it must go without complaint."""
        self._process.terminate()
        status = self._end()
        assert status == 0, f"the server ended with {status}; its log:\n" + "".join(self.log)

    def _end(self) -> int:
        status = self._process.wait(STOP_TIMEOUT_S)
        self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()
        return status

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line)
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and record.get("event") == "listening":
                self._listening.put(record["port"])
        self._listening.put(None)


class Caller:
    """A client, or what it gave, each of whose methods gives its response at once, whichever kind the client is of."""

    def __init__(self, raw: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.raw = raw
        self.loop = loop

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.raw, name)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            called.add((type(self.raw).__name__, name))
            return self._finish(attribute, args, kwargs)

        return call

    def next(self) -> Any:
        """The next item of a subscription."""
        if hasattr(self.raw, "__anext__"):
            return self._finish(self.raw.__anext__, (), {})
        return next(self.raw)

    def _finish(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        async def make_and_await() -> Any:
            result = function(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result

        is_asyncio = type(self.raw).__name__.endswith("Async")
        result = self.loop.run_until_complete(make_and_await()) if is_asyncio else function(*args, **kwargs)
        return Caller(result, self.loop) if type(result).__name__ in _WRAPPED else result


def code_of(response: Any) -> str:
    """The code of an Error; a sentence about anything else, which equals no code."""
    return response.error_code.name if is_error(response) else f"no error but {response!r:.200}"


def is_error(response: Any) -> bool:
    """Whether a response, of any method, is its Error."""
    return type(response).__name__ == "Error" and isinstance(response.error_code, MomentoErrorCode)


def is_kind(response: Any, kind: str) -> bool:
    """Whether a response is of the class of that name inside its method's."""
    return type(response).__name__ == kind


def poll(condition: Callable[[], bool]) -> None:
    """Wait for what announces itself in no other way."""
    for _ in range(POLLS):
        if condition():
            return
        time.sleep(0.001)
    raise AssertionError("what was waited for did not come")
