"""A client by itself, on a server without a network between: 5,000 callers beside the official Python client, one call
at a time beside a bare TCP echo of the same sizes, and how a client begins."""

from __future__ import annotations

import contextlib
import json
import socket
import statistics
import subprocess
import threading
from collections.abc import Iterator

from harness import CLIENT_CORE, MAYFLY, ROOT, SERVER_CORE, VALUE_BYTES, mayfly_bench, mayfly_server, median, pinned

CALLERS = 5000
PYTHON = ROOT / ".venv/bin/python"
TOOLS = MAYFLY.parent
ONE = ["--cache", "bench", "--reads", 100, "--value-size", VALUE_BYTES, "--concurrency", 1]


def run_json(*command: object) -> dict:
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


# --- Many callers ---


def many(port: int, rounds: int, seconds: float) -> dict:
    """More callers than the streams of fifty connections, on a server that allows 100 a connection."""
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(run_json(*pinned(CLIENT_CORE, PYTHON, ROOT / "bench/official_client.py", port, "bench", CALLERS,
                                       seconds)))
        if theirs[-1]["failures"] > 0:
            print(f"failures of the official client: {theirs[-1]['failures']}")
        result = mayfly_bench(port, "--cache", "bench", "--reads", 100, "--value-size", VALUE_BYTES, "--concurrency",
                              CALLERS, "--configuration", "in-region-default", "--warmup", "2s", "--duration",
                              f"{seconds}s")
        if result["errors"]:
            print(f"errors: {result['errors']}")
        ours.append({"rps": result["throughput_rps"], "p999_us": result["latency_us"]["p999"],
                     "service_p999_us": result["service_us"]["p999"], "limit": result["limit"]})
    ratios = [a["p999_us"] / b["p999_us"] for a, b in zip(ours, theirs)]
    a, b = median(ours), median(theirs)
    print(f"{CALLERS:,} callers, p99.9 with the waiting: {a['p999_us'] / 1000:.1f} ms ({a['rps']:.0f}/s, limit "
          f"{a['limit']:.0f}), the official Python client {b['p999_us'] / 1000:.0f} ms ({b['rps']:.0f}/s): "
          f"{statistics.median(ratios):.3f} of it ({min(ratios):.3f}-{max(ratios):.3f})", flush=True)
    return {"callers": CALLERS, "mayfly": a, "official": b, "ratio": statistics.median(ratios),
            "ratio_range": [min(ratios), max(ratios)]}


# --- One at a time ---


class Tap:
    """Passes one connection after another on to a port and counts the bytes that go each way."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.counts = {"request": 0, "reply": 0}
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for source, sink, way in ((near, far, "request"), (far, near, "reply")):
                    source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=self._pass_on, args=(source, sink, way), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, way: str) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                self.counts[way] += len(chunk)
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)


def sizes_on_the_wire(port: int) -> tuple[int, int]:
    """Bytes of a get's request and reply, as the difference of two runs makes them out."""
    totals = []
    for requests in (1000, 3000):
        tap = Tap(port)
        mayfly_bench(tap.port, *ONE, "--filled", "--warmup", "0s", "--requests", requests)
        tap.close()
        totals.append(dict(tap.counts))
    request, reply = (round((totals[1][way] - totals[0][way]) / 2000) for way in ("request", "reply"))
    return request, reply


@contextlib.contextmanager
def echo_server(request: int, reply: int) -> Iterator[int]:
    command = pinned(SERVER_CORE, TOOLS / "echo", "serve", request, reply)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline())
        finally:
            server.terminate()


def one(port: int, rounds: int, seconds: float) -> dict:
    mayfly_bench(port, *ONE, "--warmup", "0s", "--requests", 1)  # sets the keys
    request, reply = sizes_on_the_wire(port)
    ours, theirs = [], []
    with echo_server(request, reply) as echo:
        for _ in range(max(rounds, 2)):
            theirs.append(run_json(*pinned(CLIENT_CORE, TOOLS / "echo", "ask", echo, request, reply, round(seconds))))
            result = mayfly_bench(port, *ONE, "--filled", "--warmup", "500ms", "--duration", f"{seconds}s")
            ours.append({"p50_us": result["latency_us"]["p50"], "p999_us": result["latency_us"]["p999"]})
    ratios = [a["p50_us"] / b["p50_us"] for a, b in zip(ours, theirs)]
    a, b = median(ours), median(theirs)
    print(f"one at a time, p50: {a['p50_us']:.1f} us, a TCP echo of {request} and {reply} bytes {b['p50_us']:.1f} us: "
          f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})", flush=True)
    return {"request_bytes": request, "reply_bytes": reply, "mayfly": a, "echo": b, "ratio": statistics.median(ratios),
            "ratio_range": [min(ratios), max(ratios)]}


# --- The first ---


def first(port: int, rounds: int) -> dict:
    results = [run_json(*pinned(CLIENT_CORE, TOOLS / "first_reply", port, "bench")) for _ in range(3 * rounds)]
    figures = {key: statistics.median(result[key] for result in results)
               for key in ("open_ms", "first_reply_ms", "bytes")}
    print(f"client created to first reply: {figures['first_reply_ms']:.2f} ms, of which {figures['open_ms']:.2f} ms to "
          f"open; {figures['bytes'] / 1e6:.2f} MB", flush=True)
    return figures


def clients(rounds: int, seconds: float) -> dict:
    with mayfly_server("--cache", "bench") as (_, port):
        return {"one": one(port, rounds, seconds), "first": first(port, rounds), "many": many(port, rounds, seconds)}
