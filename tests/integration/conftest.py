"""Real servers for real clients: every test here talks to the binary that is shipped.

MAYFLY_BINARY names it; by default it is the one of the preset `release`.
"""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from momento_wire_types import controlclient_pb2 as control_messages
from momento_wire_types import controlclient_pb2_grpc as control_stubs

REPOSITORY = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 20
CALL_TIMEOUT_S = 10


class Server:
    """A running `mayfly serve` on a port of its own."""

    def __init__(self, binary: Path, *args: str) -> None:
        """Start the server and wait until it says that it listens."""
        self.log: list[str] = []
        self._listening: queue.Queue[int | None] = queue.Queue()
        self._process = subprocess.Popen(
            [str(binary), "serve", "--listen", "127.0.0.1:0", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self._paused = False
        self.port = self._await_port()

    @property
    def address(self) -> str:
        """Host and port, as gRPC takes them."""
        return f"127.0.0.1:{self.port}"

    @property
    def process_number(self) -> int:
        """What the system calls the process."""
        return self._process.pid

    def pause(self) -> None:
        """Stop the process where it stands: it accepts and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)
        self._paused = True

    def resume(self) -> None:
        """Let it go on, if it was paused.

        Never for nothing: SIGCONT takes back the SIGSTOP with which the leak sanitizer halts a process that is about
        to end, and that process then waits for ever.
        """
        if self._paused:
            self._process.send_signal(signal.SIGCONT)
            self._paused = False

    def stop(self) -> None:
        """End the server as an operator would; it must go without complaint."""
        if self._process.poll() is None:
            self.resume()
            self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail("the server did not end on SIGTERM; its log:\n" + "".join(self.log))
        self._reader.join()
        assert status == 0, f"the server ended with {status}; its log:\n" + "".join(self.log)

    def kill(self) -> None:
        """End the process without asking."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line)
            port = _listening_port(line)
            if port is not None:
                self._listening.put(port)
        self._listening.put(None)

    def _await_port(self) -> int:
        try:
            port = self._listening.get(timeout=START_TIMEOUT_S)
        except queue.Empty:
            port = None
        if port is None:
            self.kill()
            pytest.fail("the server did not begin to listen; its log:\n" + "".join(self.log))
        return port


def resident_bytes(server: Server) -> int:
    """Return the memory of the server's process that is in use."""
    status = Path(f"/proc/{server.process_number}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def _listening_port(line: str) -> int | None:
    """Return the port that a log line says is listened on, if that is what it says."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record["port"] if isinstance(record, dict) and record.get("event") == "listening" else None


@pytest.fixture(scope="session")
def binary() -> Path:
    """Return the path of the binary under test."""
    path = REPOSITORY / os.environ.get("MAYFLY_BINARY", "build/release/mayfly")
    assert path.exists(), f"{path} is not built"
    return path


@pytest.fixture(scope="session")
def server(binary: Path) -> Iterator[Server]:
    """Run one server, with no setting touched, for all tests that do not disturb it."""
    running = Server(binary)
    yield running
    running.stop()


@pytest.fixture
def start_server(binary: Path) -> Iterator[Callable[..., Server]]:
    """Start servers with settings of the test's own, which end with it."""
    started: list[Server] = []

    def start(*args: str) -> Server:
        started.append(Server(binary, *args))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture(scope="session")
def channel(server: Server) -> Iterator[grpc.Channel]:
    """Connect to the shared server, with no limit of the client's own on what comes back."""
    with grpc.insecure_channel(server.address, [("grpc.max_receive_message_length", -1)]) as connected:
        yield connected


@pytest.fixture
def cache(channel: grpc.Channel) -> Iterator[str]:
    """Make a cache of the test's own and return its name."""
    control = control_stubs.ScsControlStub(channel)
    name = f"cache-{uuid.uuid4()}"
    control.CreateCache(control_messages._CreateCacheRequest(cache_name=name), timeout=CALL_TIMEOUT_S)
    yield name
    control.DeleteCache(control_messages._DeleteCacheRequest(cache_name=name), timeout=CALL_TIMEOUT_S)


@pytest.fixture(scope="session")
def contract(tmp_path_factory: pytest.TempPathFactory) -> FileDescriptorSet:
    """Compile the .proto files of this repository."""
    compiled = tmp_path_factory.mktemp("contract") / "descriptors"
    sources = sorted((REPOSITORY / "proto").glob("*.proto"))
    subprocess.run(
        ["protoc", f"--proto_path={REPOSITORY / 'proto'}", f"--descriptor_set_out={compiled}", *map(str, sources)],
        check=True,
        timeout=60,
    )
    return FileDescriptorSet.FromString(compiled.read_bytes())
