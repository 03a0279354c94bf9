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
from typing import NamedTuple

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from momento_wire_types import controlclient_pb2 as control_messages
from momento_wire_types import controlclient_pb2_grpc as control_stubs

REPOSITORY = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 20
CALL_TIMEOUT_S = 10
EC_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


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


class Authority:
    """An authority that signs certificates for tests, in a folder of its own; its keys go with the folder."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        """Make its key and its own certificate, `ca_file`."""
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        self._key_file = folder / "ca.key"
        _openssl("req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={name}", *EC_KEY,
                 "-keyout", self._key_file, "-out", self.ca_file)

    def issue(self, name: str, alternatives: str = "DNS:localhost,IP:127.0.0.1,IP:::1") -> Certificate:
        """Sign a certificate that is valid for these alternatives, as openssl writes them."""
        key, request, extensions = (self.folder / f"{name}.{end}" for end in ("key", "csr", "ext"))
        certificate = Certificate(self.folder / f"{name}.pem", key)
        extensions.write_text(f"subjectAltName={alternatives}\n")
        _openssl("req", "-nodes", "-subj", f"/CN={name}", *EC_KEY, "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-days", "2", "-in", request, "-CA", self.ca_file, "-CAkey", self._key_file,
                 "-CAcreateserial", "-extfile", extensions, "-out", certificate.file)
        return certificate


class Certificate(NamedTuple):
    """A certificate and its private key, as files in PEM."""

    file: Path
    key_file: Path

    @property
    def server_options(self) -> tuple[str, ...]:
        """What has `mayfly serve` use it."""
        return ("--tls-certificate", str(self.file), "--tls-key", str(self.key_file))


def _openssl(*arguments: object) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


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
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority whose `ca_file` clients can trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Certificate:
    """Return its certificate for localhost, 127.0.0.1 and ::1."""
    return authority.issue("server")


@pytest.fixture
def start_tls_server(start_server: Callable[..., Server], certificate: Certificate) -> Callable[..., Server]:
    """Start servers that speak TLS with the certificate of `authority`, and have settings of the test's own besides."""
    return lambda *args: start_server(*certificate.server_options, *args)


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
