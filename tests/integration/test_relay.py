"""The command `mayfly relay`: a real client and a real server, with a network of the relay's between them."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_command import COMMAND_TIMEOUT_S, LOCAL, UNREACHABLE, USAGE, Mayfly
from conftest import Server

StartRelay = Callable[..., "Relay"]


class Relay:
    """A running `mayfly relay` in front of a server."""

    def __init__(self, binary: Path, to: str, *args: str) -> None:
        """Start it, and wait until it says where it listens."""
        self.process = subprocess.Popen([str(binary), "relay", "--to", to, *args], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.process.stderr is not None
        record = json.loads(self.process.stderr.readline())
        assert record["event"] == "listening" and record["to"] == to
        self.port = record["port"]
        self.address = f"127.0.0.1:{self.port}"

    def ask(self, command: str) -> str:
        """Give a command and return its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> str:
        """Return its next answer."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], COMMAND_TIMEOUT_S)
        assert ready, "no answer"
        return self.process.stdout.readline().decode().rstrip("\n")

    def tell(self, *commands: str) -> None:
        """Give commands that must be obeyed."""
        for command in commands:
            assert self.ask(command) == "ok", command

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it as its user would; it must go without complaint."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=COMMAND_TIMEOUT_S)
        assert (self.process.returncode, said) == (0, b"")


@pytest.fixture
def mayfly(binary: Path, server: Server) -> Mayfly:
    """Return the command, pointed at the server itself."""
    return Mayfly(binary, server.address)


@pytest.fixture
def start_relay(binary: Path, server: Server) -> Iterator[StartRelay]:
    """Start relays to the shared server, which end with the test."""
    started: list[Relay] = []

    def start(*args: str) -> Relay:
        started.append(Relay(binary, server.address, *args))
        return started[-1]

    yield start
    for relay in started:
        if relay.process.poll() is None:
            relay.stop()


def seconds(run: Callable[[], object]) -> float:
    """Return how long something takes."""
    start = time.monotonic()
    run()
    return time.monotonic() - start


def test_a_call_through_the_relay_is_answered(binary: Path, cache: str, start_relay: StartRelay) -> None:
    through = Mayfly(binary, start_relay().address)
    value = bytes(range(256)) * 4000
    through.ok("set", cache, "k", "-", stdin=value)
    assert through.ok("get", cache, "k") == value


def test_a_profile_gives_its_round_trip(binary: Path, start_relay: StartRelay) -> None:
    through = Mayfly(binary, start_relay("--profile", "cross-region").address)
    assert seconds(lambda: through.ok("ping")) > 0.06  # 80 ms with a deviation of 4 ms


def test_round_trip_jitter_and_rate_are_set_by_themselves(binary: Path, cache: str, start_relay: StartRelay) -> None:
    through = Mayfly(binary, start_relay("--rtt", "60ms", "--jitter", "1ms", "--rate", "8mbit").address)
    assert seconds(lambda: through.ok("ping")) > 0.05
    assert seconds(lambda: through.ok("set", cache, "k", "-", stdin=bytes(200_000))) > 0.2


def test_it_changes_while_it_runs(binary: Path, cache: str, start_relay: StartRelay) -> None:
    relay = start_relay()
    through = Mayfly(binary, relay.address)
    relay.tell("rtt 120ms", "jitter 0", "rate 100mbit")
    assert seconds(lambda: through.ok("ping")) > 0.12
    relay.tell("profile same-host", "stall 200ms")
    assert seconds(lambda: through.ok("set", cache, "k", "v")) > 0.15
    relay.tell("stall 1h", "stall 0")
    assert through.ok("get", cache, "k") == b"v"


def test_a_cut_is_a_reset_of_what_is_there(start_relay: StartRelay) -> None:
    relay = start_relay()
    with socket.create_connection(("127.0.0.1", relay.port), COMMAND_TIMEOUT_S) as connection:
        assert connection.recv(9)  # the server's settings: the way there is open
        relay.tell("cut")
        with pytest.raises(ConnectionResetError):
            while connection.recv(4096):
                pass


def test_a_black_hole_answers_nothing(binary: Path, start_relay: StartRelay) -> None:
    relay = start_relay()
    through = Mayfly(binary, relay.address)
    relay.tell("black-hole on")
    through.fails(UNREACHABLE, "ping", "--timeout", "300ms")
    relay.tell("black-hole off")
    through.ok("ping")


def test_refused_connections_come_back(binary: Path, start_relay: StartRelay) -> None:
    relay = start_relay()
    relay.tell("refuse on")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", relay.port), COMMAND_TIMEOUT_S)
    relay.tell("refuse off")
    Mayfly(binary, relay.address).ok("ping")


@pytest.mark.parametrize("descriptors", [40, 41])
def test_connections_wait_where_descriptors_have_run_out(binary: Path, server: Server, descriptors: int) -> None:
    """An odd one that is left must not serve to accept what cannot be passed on."""
    limited = ["sh", "-c", f'ulimit -n {descriptors}; exec "$0" "$@"', str(binary), "relay", "--to", server.address]
    with subprocess.Popen(limited, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            address = ("127.0.0.1", json.loads(process.stderr.readline())["port"])
            connections = [socket.create_connection(address, COMMAND_TIMEOUT_S) for _ in range(60)]
            for connection in connections:  # each makes room for another
                assert connection.recv(9)
                connection.close()
        finally:
            process.terminate()


def test_failures_come_at_their_time(start_relay: StartRelay) -> None:
    relay = start_relay("--cut-after", "1s", "--refuse-after", "1s", "--stall-after", "300ms", "--stall", "200ms")
    with socket.create_connection(("127.0.0.1", relay.port), COMMAND_TIMEOUT_S) as connection:
        with pytest.raises(ConnectionResetError):
            while connection.recv(4096):
                pass
    deadline = time.monotonic() + COMMAND_TIMEOUT_S
    with pytest.raises(ConnectionRefusedError):
        while time.monotonic() < deadline:
            with contextlib.suppress(ConnectionResetError):  # the listener went while this was on its way
                socket.create_connection(("127.0.0.1", relay.port), COMMAND_TIMEOUT_S).close()


@pytest.mark.parametrize("command", ["", "jump", "rtt", "rtt soon", "rtt -1ms", "rtt 2h", "rate 5mb", "profile moon",
                                     "stall", "cut 3s", "black-hole", "refuse maybe", "rtt 20ms jitter 5ms",
                                     "x" * 1000])
def test_a_command_that_is_wrong_is_answered_with_a_sentence(start_relay: StartRelay, command: str) -> None:
    relay = start_relay("--rtt", "5ms")
    sentence = relay.ask(command)
    assert sentence != "ok" and len(sentence) > 10
    relay.tell("rtt 1ms")


def test_the_end_of_its_input_does_not_end_it(binary: Path, start_relay: StartRelay) -> None:
    relay = start_relay()
    assert relay.process.stdin is not None
    relay.process.stdin.close()
    relay.process.stdin = None
    Mayfly(binary, relay.address).ok("ping")
    relay.stop(signal.SIGINT)


def test_a_last_line_without_a_newline_is_a_command(start_relay: StartRelay) -> None:
    relay = start_relay()
    assert relay.process.stdin is not None
    relay.process.stdin.write(b"rtt 1ms")
    relay.process.stdin.close()
    relay.process.stdin = None
    assert relay.answer() == "ok"


BACKGROUND_JOB = """
import os, subprocess, sys
relay = subprocess.Popen(sys.argv[1:], preexec_fn=os.setpgrp)  # as a shell starts one with &
print("pid", relay.pid, flush=True)
relay.wait()
"""


def test_it_goes_on_behind_a_terminal_where_somebody_types(binary: Path, server: Server) -> None:
    """A background job that reads its terminal would be stopped."""
    shell, terminal = pty.fork()
    if shell == 0:
        os.execv(sys.executable, [sys.executable, "-c", BACKGROUND_JOB, str(binary), "relay", "--to", server.address])
    said = b""
    while b"listening" not in said or said.count(b"\n") < 2:
        said += os.read(terminal, 4096)
    relay, port = (int(re.findall(pattern, said)[0]) for pattern in (rb"pid (\d+)", rb"port=(\d+)"))
    try:
        os.write(terminal, b"mayfly ping\n")
        through = Mayfly(binary, f"127.0.0.1:{port}")
        for _ in range(20):  # it reads the terminal between two of them at the latest
            through.ok("ping")
    finally:
        os.kill(relay, signal.SIGKILL)
        os.waitpid(shell, 0)
        os.close(terminal)


@pytest.mark.parametrize(("code", "arguments"), [
    (USAGE, ("--rtt", "soon")),
    (USAGE, ("--rate", "50mb")),
    (USAGE, ("--profile", "moon")),
    (USAGE, ("extra",)),
    (LOCAL, ("--listen", "0.0.0.0:0")),
    (LOCAL, ("--listen", "somewhere")),
    (LOCAL, ("--to", "nowhere")),
])
def test_wrong_settings_are_a_sentence(mayfly: Mayfly, code: int, arguments: tuple[str, ...]) -> None:
    mayfly.fails(code, "relay", *arguments)


def test_a_taken_port_is_said_to_be(mayfly: Mayfly, server: Server) -> None:
    assert "is taken" in mayfly.fails(LOCAL, "relay", "--listen", server.address)
