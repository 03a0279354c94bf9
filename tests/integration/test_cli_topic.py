"""`mayfly topic`: what is published comes out at the other end, at once, until it is told to stop."""

from __future__ import annotations

import json
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_command import COMMAND_TIMEOUT_S, FAILED, LOCAL, OK, UNREACHABLE, Mayfly
from conftest import Server

StartServer = Callable[..., Server]
BINARY = bytes([0xFF, 0x00, 0x80])


@pytest.fixture
def mayfly(binary: Path, server: Server) -> Mayfly:
    return Mayfly(binary, server.address)


@pytest.fixture
def cache(mayfly: Mayfly) -> Iterator[str]:
    name = f"cli-{uuid.uuid4().hex}"
    mayfly.ok("cache", "create", name)
    yield name
    mayfly.ok("cache", "delete", name)


class Subscriber:
    """A running `mayfly topic subscribe` that has said that it is subscribed."""

    def __init__(self, mayfly: Mayfly, *arguments: str) -> None:
        self.process = mayfly.start("topic", "subscribe", *arguments)
        assert self.process.stdout is not None and self.process.stderr is not None
        self.output, self.notices = self.process.stdout, self.process.stderr
        if "--json" in arguments:
            assert self.event() == {"event": "subscribed"}
        else:
            assert self.notices.readline() == b"mayfly: subscribed\n"

    def event(self) -> Any:
        return json.loads(self.output.readline())

    def wait(self) -> int:
        return self.process.wait(COMMAND_TIMEOUT_S)

    def end(self) -> None:
        """Give everything back, whatever became of the test."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.output.close()
        self.notices.close()


@pytest.fixture
def subscribe() -> Iterator[Callable[..., Subscriber]]:
    started: list[Subscriber] = []

    def start(mayfly: Mayfly, *arguments: str) -> Subscriber:
        started.append(Subscriber(mayfly, *arguments))
        return started[-1]

    yield start
    for subscriber in started:
        subscriber.end()


Subscribe = Callable[..., Subscriber]


def test_messages_come_as_lines_as_they_are_published(mayfly: Mayfly, cache: str, subscribe: Subscribe) -> None:
    subscriber = subscribe(mayfly, cache, "t")
    assert mayfly.ok("topic", "publish", cache, "t", "first") == b""
    assert subscriber.output.readline() == b"first\n"
    assert mayfly.json("topic", "publish", cache, "t", "-", stdin=BINARY) is True
    assert subscriber.output.readline() == BINARY + b"\n"


def test_json_tells_text_from_bytes_and_numbers_messages(mayfly: Mayfly, cache: str, subscribe: Subscribe) -> None:
    subscriber = subscribe(mayfly, cache, "t", "--json")
    mayfly.ok("topic", "publish", cache, "t", "text")
    mayfly.ok("topic", "publish", cache, "t", "text", "--bytes")
    mayfly.ok("topic", "publish", cache, "t", "-", stdin=BINARY)
    events = [subscriber.event() for _ in range(3)]
    assert [event["event"] for event in events] == ["item"] * 3
    assert [event["value"] for event in events] == ["text", "text", {"base64": "/wCA"}]
    assert [event["text"] for event in events] == [True, False, False]
    first = events[0]["sequence"]
    assert [event["sequence"] for event in events] == [first, first + 1, first + 2]
    assert len({event["page"] for event in events}) == 1


def test_a_count_ends_it(mayfly: Mayfly, cache: str, subscribe: Subscribe) -> None:
    subscriber = subscribe(mayfly, cache, "t", "--count", "2")
    for message in ("a", "b", "c"):
        mayfly.ok("topic", "publish", cache, "t", message)
    assert subscriber.wait() == OK
    assert (subscriber.output.read(), subscriber.notices.read()) == (b"a\nb\n", b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(mayfly: Mayfly, cache: str, subscribe: Subscribe, number: signal.Signals) -> None:
    subscriber = subscribe(mayfly, cache, "t")
    subscriber.process.send_signal(number)
    assert subscriber.wait() == OK
    assert (subscriber.output.read(), subscriber.notices.read()) == (b"", b"")


def test_a_signal_ends_it_while_nobody_reads(mayfly: Mayfly, cache: str, subscribe: Subscribe) -> None:
    """More than a pipe holds is on its way out when the signal comes."""
    subscriber = subscribe(mayfly, cache, "t")
    for _ in range(100):
        mayfly.ok("topic", "publish", cache, "t", "x" * 4000)
    subscriber.process.send_signal(signal.SIGTERM)
    assert subscriber.wait() == OK


def test_it_leaves_quietly_when_its_reader_does(mayfly: Mayfly, cache: str, subscribe: Subscribe) -> None:
    subscriber = subscribe(mayfly, cache, "t")
    subscriber.output.close()
    assert subscriber.wait() == OK, "nothing has to be published for it to notice"
    assert subscriber.notices.read() == b""


def test_it_goes_on_where_an_earlier_one_ended(mayfly: Mayfly, cache: str, subscribe: Subscribe) -> None:
    earlier = subscribe(mayfly, cache, "t", "--json", "--count", "1")
    mayfly.ok("topic", "publish", cache, "t", "seen")
    seen = earlier.event()
    for message in ("missed", "missed too"):
        mayfly.ok("topic", "publish", cache, "t", message)
    later = subscribe(mayfly, cache, "t", "--count", "2", "--resume", str(seen["sequence"] + 1), "--page",
                      str(seen["page"]))
    assert later.wait() == OK
    assert later.output.read() == b"missed\nmissed too\n"


def test_it_survives_a_restart_of_the_server(
    binary: Path, start_server: StartServer, subscribe: Subscribe
) -> None:
    server = start_server("--cache", "c")
    mayfly = Mayfly(binary, server.address)
    plain = subscribe(mayfly, "c", "t")
    events = subscribe(mayfly, "c", "t", "--json")
    mayfly.ok("topic", "publish", "c", "t", "before")
    assert plain.output.readline() == b"before\n" and events.event()["value"] == "before"

    server.stop()
    assert b"reconnecting" in plain.notices.readline()
    assert events.event()["event"] == "reconnecting"
    with subprocess.Popen([str(binary), "serve", "--listen", server.address, "--cache", "c"],
                          stderr=subprocess.DEVNULL) as again:
        while (event := events.event())["event"] == "reconnecting":
            pass
        assert event == {"event": "subscribed"}
        while (notice := plain.notices.readline()).startswith(b"mayfly: reconnecting"):
            pass
        assert notice == b"mayfly: subscribed\n"
        mayfly.ok("topic", "publish", "c", "t", "after")
        assert plain.output.readline() == b"after\n"
        while (event := events.event())["event"] == "discontinuity":
            pass
        assert event["value"] == "after"
        again.terminate()


def test_a_gap_is_told(mayfly: Mayfly, cache: str, subscribe: Subscribe) -> None:
    """A page that the topic never had: whatever was there on it is lost."""
    mayfly.ok("topic", "publish", cache, "t", "a")
    subscriber = subscribe(mayfly, cache, "t", "--resume", "5", "--page", "1", "--count", "1")
    assert b"items are missing before number" in subscriber.notices.readline()
    assert subscriber.output.readline() == b"a\n"
    assert subscriber.wait() == OK


def test_what_cannot_be_subscribed_to_is_a_sentence(mayfly: Mayfly, binary: Path, cache: str) -> None:
    assert "NOT_FOUND" in mayfly.fails(FAILED, "topic", "subscribe", "no-such-cache", "t")
    assert "NOT_FOUND" in mayfly.fails(FAILED, "topic", "publish", "no-such-cache", "t", "v")
    nobody = Mayfly(binary, "127.0.0.1:1")
    assert "127.0.0.1:1" in nobody.fails(UNREACHABLE, "topic", "subscribe", cache, "t", "--timeout", "100ms")


def test_output_that_cannot_be_written_is_an_error(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("topic", "publish", cache, "t", "v")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(mayfly.binary), "topic", "subscribe", cache, "t", "--resume", "1", "--json"],
                              stdout=full, stderr=subprocess.PIPE, env=mayfly.environment, timeout=COMMAND_TIMEOUT_S)
    assert done.returncode == LOCAL and b"cannot be written" in done.stderr
