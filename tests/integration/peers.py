"""Clients and servers of others, for tests of both directions: grpcio, grpc-go and grpc-js.

A caller makes calls as it is told, whatever they mean, so that a test is written once and every client is put to it.
Those that are no Python run as a program and are told on standard input, a line of JSON for calls that are all made
at once, on the one connection that a caller has to a server:

    {"target": "HOST:PORT", "options": {...}, "calls": [{"path": "/package.Service/Method", "request": BASE64,
     "metadata": [[NAME, VALUE], ...], "timeout_ms": N, "cancel_after": N}, ...]}

`options` are of the client's own kind, and hold for the first line that names a target. Calls with a `cancel_after`
are cancelled together, when each has had so many replies. The answer is a line too, with an entry a call:

    [{"code": N, "message": TEXT, "initial": [[NAME, VALUE], ...], "trailing": ..., "replies": [BASE64, ...]}, ...]

The value of metadata whose name ends in -bin is base64 there, and bytes here.

A server is a program that prints the port on which it listens, and stops as gracefully as its library can on SIGTERM.
Its options, JSON in its last argument, are of its own kind too. It keeps what Set gives it, for Get and GetBatch, in
whatever cache, and whatever it answers it answers with METADATA, at both ends of the reply. Some names are special:

    absent      in this cache there is nothing but NOT_FOUND, without a reply before it
    breaking    in this cache GetBatch fails after the first reply
    mirror      in this cache Get finds the metadata that it came with: a JSON array of pairs, as above
    crowd       in this cache Get finds an empty value, once CROWD calls of it have stood at once

Subscribe streams a heartbeat, then a hundred texts, "message 1" and so on, and then nothing more.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
GO = HERE / "go/bin"
CALL_TIMEOUT_MS = 30_000
STOP_TIMEOUT_S = 30

Metadata = list[tuple[str, Any]]

KEY = "k"
ITEM_LIMIT_BYTES = 5_000_000
CROWD = 1000

# Of values, around every length at which something begins anew: a message, a frame, a window.
SIZES = [0, 1, 5, 100, 16_379, 16_384, 16_385, 65_530, 65_535, 65_536, 1_000_000, ITEM_LIMIT_BYTES - len(KEY)]

METADATA: Metadata = [("err", "a_cause"), ("long", "v" * 4096), ("all-bin", bytes(range(256))), ("repeated", "one"),
                      ("repeated", "two")]


def patterned(size: int) -> bytes:
    """Return bytes in which a piece that is lost, or comes twice, shows."""
    return array("I", range(size // 4 + 1)).tobytes()[:size]


@dataclass
class Call:
    """A call to be made."""

    path: str
    request: bytes
    metadata: Metadata = field(default_factory=list)
    timeout_ms: int = CALL_TIMEOUT_MS
    cancel_after: int = 0


@dataclass
class Outcome:
    """How a call ended."""

    code: grpc.StatusCode
    message: str
    initial: Metadata
    trailing: Metadata
    replies: list[bytes]


CODES = {code.value[0]: code for code in grpc.StatusCode}


class Program:
    """A caller that is a program."""

    def __init__(self, *command: str | Path) -> None:
        self._process = subprocess.Popen([str(part) for part in command], cwd=HERE / "js", stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)

    def __call__(self, target: str, calls: Sequence[Call], options: dict[str, Any] | None = None) -> list[Outcome]:
        """Make calls at once, and return how they ended, in the same order."""
        order = {"target": target, "options": options or {}, "calls": [_written(call) for call in calls]}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return [_read(outcome) for outcome in json.loads(self._process.stdout.readline())]

    def close(self) -> None:
        """End the program, which must go without complaint."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(CALL_TIMEOUT_MS / 1000) == 0


def _written(call: Call) -> dict[str, Any]:
    return {"path": call.path, "request": _base64(call.request),
            "metadata": [(name, _base64(value) if _is_binary(name) else value) for name, value in call.metadata],
            "timeout_ms": call.timeout_ms, "cancel_after": call.cancel_after}


def _read(outcome: dict[str, Any]) -> Outcome:
    def pairs(written: list[tuple[str, str]] | None) -> Metadata:
        return [(name, base64.b64decode(value) if _is_binary(name) else value) for name, value in written or []]

    return Outcome(CODES[outcome["code"]], outcome["message"], pairs(outcome["initial"]), pairs(outcome["trailing"]),
                   [base64.b64decode(reply) for reply in outcome["replies"]])


def _is_binary(name: str) -> bool:
    return name.endswith("-bin")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Grpcio:
    """The caller of this process, on an event loop of its own: a thousand calls at once would want as many threads."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def __call__(self, target: str, calls: Sequence[Call], options: dict[str, Any] | None = None) -> list[Outcome]:
        """Make calls at once, and return how they ended, in the same order."""
        return asyncio.run_coroutine_threadsafe(self._make(target, calls, options or {}), self._loop).result()

    def close(self) -> None:
        """Close all connections."""

        async def close_all() -> None:
            for channel in self._channels.values():
                await channel.close()

        asyncio.run_coroutine_threadsafe(close_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _make(self, target: str, calls: Sequence[Call], options: dict[str, Any]) -> list[Outcome]:
        if target not in self._channels:
            all_options = {"grpc.max_receive_message_length": -1, "grpc.use_local_subchannel_pool": 1, **options}
            self._channels[target] = grpc.aio.insecure_channel(target, list(all_options.items()))
        waiting = _Meeting(sum(call.cancel_after > 0 for call in calls))
        return await asyncio.gather(*(_make(self._channels[target], call, waiting) for call in calls))


class _Meeting:
    """Opens once all that are to arrive have."""

    def __init__(self, count: int) -> None:
        self._missing = count
        self.opened = asyncio.Event()

    def arrive(self) -> None:
        self._missing -= 1
        if self._missing == 0:
            self.opened.set()


async def _make(channel: grpc.aio.Channel, wanted: Call, cancelled: _Meeting) -> Outcome:
    call = channel.unary_stream(wanted.path)(wanted.request, metadata=wanted.metadata, timeout=wanted.timeout_ms / 1000)
    replies: list[bytes] = []
    has_arrived = wanted.cancel_after == 0
    try:
        async for reply in call:
            replies.append(reply)
            if not has_arrived and len(replies) == wanted.cancel_after:
                has_arrived = True
                cancelled.arrive()
                await cancelled.opened.wait()
                call.cancel()
    except (grpc.RpcError, asyncio.CancelledError):
        pass  # the call itself knows more
    if not has_arrived:
        cancelled.arrive()
    return Outcome(await call.code(), await call.details() or "", list(await call.initial_metadata()),
                   list(await call.trailing_metadata()), replies)


CALLERS = {
    "grpcio": Grpcio,
    "grpc-go": lambda: Program(GO / "caller"),
    "grpc-js": lambda: Program("node", HERE / "js/caller.mjs"),
}


class Peer:
    """A server of others that runs."""

    def __init__(self, name: str, contract: Path, options: dict[str, Any]) -> None:
        """Start it; `contract` is the descriptors of our services, compiled."""
        command = {
            "grpcio": [sys.executable, HERE / "grpcio_server.py"],
            "grpc-go": [GO / "server", contract],
            "grpc-js": ["node", HERE / "js/server.mjs", REPOSITORY / "proto"],
        }[name]
        self._process = subprocess.Popen([*map(str, command), json.dumps(options)], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.address = f"127.0.0.1:{int(self._process.stdout.readline())}"

    def stop(self) -> None:
        """End it, which must go without complaint."""
        self._process.terminate()
        assert self._process.wait(STOP_TIMEOUT_S) == 0
