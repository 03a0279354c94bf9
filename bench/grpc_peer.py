"""gRPC's own C++ asynchronous server and client, which bench/peers/ has: built when asked for, then run a core each."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from harness import CLIENT_CORE, ROOT, SECONDS, SERVER_CORE, cpu_seconds, pinned

BUILD = ROOT / "build/peers"
GRPC_ASYNC = BUILD / "grpc_async"


def build_grpc() -> None:
    for step in (["-S", ROOT / "bench/peers", "-B", BUILD, "-G", "Ninja"], ["--build", BUILD]):
        done = subprocess.run(["cmake", *step], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"bench/peers does not build:\n{done.stdout}")


@contextmanager
def grpc_server() -> Iterator[tuple[int, int]]:
    """A server on a free port; gives its process id and port."""
    command = pinned(SERVER_CORE, GRPC_ASYNC, "server", "--port", 0)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.pid, int(server.stdout.readline())
        finally:
            server.terminate()


def measure_grpc(server: tuple[int, int], in_flight: int) -> dict[str, float]:
    """The client sets all keys, warms up and measures. The server's CPU is that of all of it."""
    pid, port = server
    before = cpu_seconds(pid)
    command = pinned(CLIENT_CORE, GRPC_ASYNC, "client", "--port", port, "--in-flight", in_flight, "--seconds", SECONDS)
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    spent = cpu_seconds(pid) - before
    if result["errors"]:
        raise RuntimeError(f"the client of gRPC met {result['errors']} errors")
    return {"rps": result["requests_per_second"], "server_us": spent * 1e6 / result["requests_with_warmup"],
            "client_us": result["cpu_seconds"] * 1e6 / result["requests"]}


def grpc_version() -> str:
    query = ["pkg-config", "--modversion", "grpc++"]
    return subprocess.run(query, check=True, capture_output=True, text=True).stdout.strip()
