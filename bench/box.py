"""A network in a box: a server whose service is simulated, so that its capacity is known, behind `mayfly relay`, which
stands for the network. Both can be changed while a load runs."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from harness import MAYFLY

CACHE = "bench"


class Load:
    """A `mayfly bench` that runs beside what is done to its network. It ends with its box at the latest."""

    def __init__(self, stack: contextlib.ExitStack, port: int, *options: object) -> None:
        self._result = tempfile.NamedTemporaryFile(suffix=".json")
        self._process = subprocess.Popen(
            [MAYFLY, "bench", "--endpoint", f"127.0.0.1:{port}", "--cache", CACHE, "--filled", "--reads", "100",
             "--json", self._result.name, *map(str, options)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        stack.callback(self._process.kill)

    def await_first_second(self) -> float:
        """Return when the first request was sent, as the load says once a second has passed."""
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        if "requests/s" not in line:
            raise RuntimeError(f"mayfly bench said: {line}")
        return time.monotonic() - 1

    def result(self) -> dict:
        """Wait for the end and return what was measured."""
        _, said = self._process.communicate()
        if self._process.returncode != 0:
            raise RuntimeError(f"mayfly bench said: {said}")
        return json.loads(Path(self._result.name).read_text())


class Box:
    """What a load talks to."""

    def __init__(self, stack: contextlib.ExitStack, relay: subprocess.Popen[str], relay_port: int,
                 faults_port: int) -> None:
        self._stack = stack
        self._relay = relay
        self._faults_port = faults_port
        self.port = relay_port

    def network(self, command: str) -> None:
        """Change the network, by a command of the relay's."""
        assert self._relay.stdin is not None and self._relay.stdout is not None
        self._relay.stdin.write(command + "\n")
        self._relay.stdin.flush()
        answer = self._relay.stdout.readline().rstrip("\n")
        if answer != "ok":
            raise RuntimeError(f"the relay answered {command}: {answer}")

    def simulate(self, workers: int, time_distribution: str) -> None:
        """Change the service."""
        url = f"http://127.0.0.1:{self._faults_port}/simulate?workers={workers}&time={time_distribution}"
        with urllib.request.urlopen(url, timeout=10) as response:
            response.read()

    def load(self, *options: object) -> Load:
        return Load(self._stack, self.port, *options)

    def bench(self, *options: object) -> dict:
        return self.load(*options).result()


def ports_of(process: subprocess.Popen[str], *events: str) -> list[int]:
    """Read the log until all of these events have told their ports."""
    ports: dict[str, int] = {}
    assert process.stderr is not None
    while not set(events) <= ports.keys():
        line = process.stderr.readline()
        if line == "":
            raise RuntimeError("a program ended before it listened")
        record = json.loads(line)
        ports[record["event"]] = record.get("port", 0)
    return [ports[event] for event in events]


def start_program(stack: contextlib.ExitStack, *arguments: object) -> subprocess.Popen[str]:
    process = subprocess.Popen([MAYFLY, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    stack.enter_context(process)
    stack.callback(process.terminate)
    return process


@contextlib.contextmanager
def box(profile: str) -> Iterator[Box]:
    """Start a server with a cache and a relay to it; both end with the block."""
    with contextlib.ExitStack() as stack:
        server = start_program(stack, "serve", "--listen", "127.0.0.1:0", "--cache", CACHE, "--test-faults",
                        "--test-faults-listen", "127.0.0.1:0")
        port, faults_port = ports_of(server, "listening", "test faults are on")
        relay = start_program(stack, "relay", "--to", f"127.0.0.1:{port}", "--profile", profile)
        yield Box(stack, relay, ports_of(relay, "listening")[0], faults_port)
