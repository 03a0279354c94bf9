"""Our client, behind the command, against the gRPC servers of others, which answer as their libraries have it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from cli_command import COMMAND_TIMEOUT_S, FAILED, MISS, OK, Mayfly
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from peers import CROWD, KEY, METADATA, SIZES, Metadata, Peer, patterned

# The least that each server can be told to take: windows, tables, frames, streams. With its protection from overload
# C core would count a stream until it has cleared up behind it, after the client has seen it end.
SMALL: dict[str, dict[str, Any]] = {
    "grpcio": {"grpc.http2.bdp_probe": 0, "grpc.http2.lookahead_bytes": 1024, "grpc.http2.max_frame_size": 16384,
               "grpc.http2.hpack_table_size.decoder": 0, "grpc.http2.hpack_table_size.encoder": 0,
               "grpc.max_metadata_size": 1024, "grpc.max_concurrent_streams": 10,
               "grpc.http.overload_protection": 0},
    "grpc-go": {"window": 65_535, "header_table": 0, "max_header_list": 1024, "max_streams": 10},
    "grpc-js": {"settings": {"initialWindowSize": 1000, "headerTableSize": 0, "maxHeaderListSize": 1024},
                "grpc.max_concurrent_streams": 10},
}

# Has each server tell its connections to go, over and over.
CONNECTION_AGE_MS = 100
SHORT_LIVED: dict[str, dict[str, Any]] = {
    "grpcio": {"grpc.max_connection_age_ms": CONNECTION_AGE_MS},
    "grpc-go": {"connection_age_ms": CONNECTION_AGE_MS},
    "grpc-js": {"grpc.max_connection_age_ms": CONNECTION_AGE_MS},
}


@pytest.fixture(scope="module", params=SMALL)
def name(request: pytest.FixtureRequest) -> str:
    """Name a server."""
    return request.param


@pytest.fixture(scope="module")
def start(
    binary: Path, name: str, contract: FileDescriptorSet, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Mayfly]]:
    """Start servers of this name, each with options of its own, and point the command at them."""
    compiled = tmp_path_factory.mktemp("contract") / "descriptors"
    compiled.write_bytes(contract.SerializeToString())
    started = []

    def start_one(options: dict[str, Any]) -> Mayfly:
        started.append(Peer(name, compiled, options))
        return Mayfly(binary, started[-1].address)

    yield start_one
    for peer in started:
        peer.stop()


@pytest.fixture(scope="module")
def mayfly(start: Callable[..., Mayfly]) -> Mayfly:
    """Return the command, at a server with no option touched."""
    return start({})


@pytest.fixture(scope="module")
def mayfly_at_small(start: Callable[..., Mayfly], name: str) -> Mayfly:
    """Return the command, at a server that takes as little as it can."""
    return start(SMALL[name])


def bench(mayfly: Mayfly, path: Path, *arguments: str) -> dict[str, Any]:
    """Run a short load on one connection, of which every request must find what it asks for."""
    done = mayfly("bench", "--channels", "1", "--keys", "100", "--warmup", "0s", "--json", str(path), *arguments)
    assert done.returncode == OK, done
    result: dict[str, Any] = json.loads(path.read_text())
    assert result["errors"] == {} and result["misses"] == 0 and result["requests"] > 0, result
    return result


# Messages


@pytest.mark.parametrize("size", SIZES)
def test_values_of_every_size_come_back_as_they_were(mayfly: Mayfly, size: int) -> None:
    mayfly.ok("set", "c", KEY, "-", stdin=patterned(size))
    assert mayfly.ok("get", "c", KEY) == patterned(size)


@pytest.mark.parametrize("size", SIZES)
def test_values_of_every_size_fit_through_the_smallest_windows(mayfly_at_small: Mayfly, size: int) -> None:
    mayfly_at_small.ok("set", "c", KEY, "-", stdin=patterned(size))
    assert mayfly_at_small.ok("get", "c", KEY) == patterned(size)


def test_a_batch_is_read_to_its_end(mayfly: Mayfly) -> None:
    keys = [f"batch-{number}" for number in range(200)]
    for key in keys[:3]:
        mayfly.ok("set", "c", key, f"value of {key}")
    assert mayfly.ok("batch", "get", "c", *keys[:3]).decode().splitlines() == [
        f"{key}\tvalue of {key}" for key in keys[:3]
    ]
    done = mayfly("batch", "get", "c", *keys)
    assert (done.returncode, done.stdout.count(b"value of")) == (MISS, 3)


def test_a_subscription_hands_on_every_message_in_order(mayfly: Mayfly) -> None:
    done = mayfly("topic", "subscribe", "c", "t", "--count", "100")
    assert done.returncode == OK, done
    assert done.stdout.decode().splitlines() == [f"message {number}" for number in range(1, 101)]


# Refusals


def test_a_refusal_without_a_reply_is_told_as_the_server_words_it(mayfly: Mayfly) -> None:
    assert "NOT_FOUND: there is no such cache \u2603" in mayfly.fails(FAILED, "get", "absent", KEY)
    assert "NOT_FOUND: there is no such cache \u2603" in mayfly.fails(FAILED, "set", "absent", KEY, "value")
    assert "NOT_FOUND: there is no such cache \u2603" in mayfly.fails(FAILED, "batch", "get", "absent", KEY)


ASK = """
import json, sys, mayfly
from datetime import timedelta
from mayfly.internal._methods import GET
configuration = mayfly.Configurations.Laptop.latest()
credentials = mayfly.CredentialProvider.for_momento_local(port=int(sys.argv[1]))
answers = []
with mayfly.CacheClient(configuration, credentials, timedelta(seconds=60)) as client:
    for metadata in json.load(sys.stdin):
        sent = [(name, value) for name, value in metadata]
        response, status, received, _ = client._core.call_raw(GET, (sys.argv[2], "k"), sent, 10_000)
        answers.append((status, getattr(response, "value_string", ""), list(received)))
print(json.dumps(answers))
"""


@pytest.fixture
def ask(mayfly: Mayfly, binary: Path) -> Callable[[str, list[Metadata]], list[tuple[int, str, Metadata]]]:
    """Get a key from a cache once with each of these metadata: the status, the value, and the reply's metadata."""
    package = binary.parent / "python"
    if binary.parent.name != "release" or not package.exists():
        pytest.skip("Python does not load what a sanitizer has to be there before")

    def ask_all(cache: str, sent: list[Metadata]) -> list[tuple[int, str, Metadata]]:
        port = mayfly.environment["MAYFLY_ENDPOINT"].partition(":")[2]
        done = subprocess.run([sys.executable, "-c", ASK, port, cache], env={**os.environ, "PYTHONPATH": str(package)},
                              input=json.dumps(sent), capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S)
        assert done.returncode == 0, done.stderr
        return [(status, value, read(received)) for status, value, received in json.loads(done.stdout)]

    return ask_all


def read(metadata: list[Sequence[str]]) -> Metadata:
    """Read metadata as our client hands it on: bytes as they are on the wire, in base64, with its end or without."""
    return [(name, base64.b64decode(value + "==") if name.endswith("-bin") else value) for name, value in metadata]


def test_a_refusal_hands_on_its_trailers(ask: Callable[..., Any]) -> None:
    ((status, _, received),) = ask("absent", [[]])
    assert status == grpc.StatusCode.NOT_FOUND.value[0]
    assert sorted(pair for pair in received if pair in METADATA) == sorted(METADATA)


EVERY_BYTE = base64.b64encode(bytes(range(256))).decode()
SENT: dict[str, Metadata] = {
    "none": [],
    "plain": [("name", "value"), ("x", ""), ("a.b_c-d", "1")],
    "long": [("long", "v" * 4096)],
    "many": [(f"pair-{number}", f"value {number}") for number in range(32)],
    "repeated": [("repeated", f"value {number}") for number in range(20)],
    "binary": [("all-bin", EVERY_BYTE), ("bare-bin", EVERY_BYTE.rstrip("=")), ("empty-bin", "")],
    "every-character": [("characters", "".join(map(chr, range(0x20, 0x7F))).strip())],
}


def test_metadata_of_every_kind_reaches_the_server_and_comes_from_both_ends_of_its_reply(
    ask: Callable[..., Any],
) -> None:
    # Each is decoded, goes into the table, and is a copy of the block before, and that again after another.
    sent = [metadata for metadata in SENT.values() for _ in range(3)] + list(SENT.values())
    answers = ask("mirror", sent)
    assert len(answers) == len(sent)
    for metadata, (status, value, received) in zip(sent, answers):
        assert status == 0
        assert joined(read(json.loads(value))) == {"cache": ["mirror"], **joined(read(metadata))}
        assert sorted(pair for pair in received if pair in METADATA) == sorted(2 * METADATA)


OTHERS = {":authority", "agent", "content-type", "grpc-accept-encoding", "grpc-timeout", "runtime-version", "te",
          "user-agent"}


def joined(metadata: Metadata) -> dict[str, list[Any]]:
    """Leave out what belongs to gRPC and HTTP; a library may give text that came repeatedly as one, with commas."""
    values: dict[str, list[Any]] = {}
    for name, value in metadata:
        if name not in OTHERS:
            values.setdefault(name, []).append(value)
    return {name: found if name.endswith("-bin") else [", ".join(found)] for name, found in values.items()}


def test_a_refusal_after_a_reply_is_told_as_the_server_words_it(mayfly: Mayfly) -> None:
    done = mayfly("batch", "get", "breaking", KEY, "another")
    assert (done.returncode, b"RESOURCE_EXHAUSTED: enough of this" in done.stderr) == (FAILED, True), done


def test_a_method_that_the_server_does_not_have_is_told(mayfly: Mayfly) -> None:
    assert "UNIMPLEMENTED" in mayfly.fails(FAILED, "increment", "c", "n")


# Many at once


@pytest.mark.parametrize("concurrency", ["100", "1000"])
def test_every_one_of_many_calls_at_once_is_answered(mayfly: Mayfly, tmp_path: Path, concurrency: str) -> None:
    bench(mayfly, tmp_path / "result.json", "--concurrency", concurrency, "--requests", "1500")


def test_a_thousand_streams_stand_at_once_on_one_connection(mayfly: Mayfly, tmp_path: Path) -> None:
    # The server answers none of them before it has all.
    result = bench(mayfly, tmp_path / "result.json", "--cache", "crowd", "--reads", "100", "--concurrency", str(CROWD),
                   "--requests", str(CROWD))
    assert result["requests"] == CROWD


def test_a_thousand_calls_wait_for_their_turn_where_ten_may_be_under_way(
    mayfly_at_small: Mayfly, tmp_path: Path
) -> None:
    bench(mayfly_at_small, tmp_path / "result.json", "--concurrency", "1000", "--requests", "1500")


def test_large_values_at_once_share_the_smallest_windows(mayfly_at_small: Mayfly, tmp_path: Path) -> None:
    bench(mayfly_at_small, tmp_path / "result.json", "--concurrency", "50", "--requests", "300", "--keys", "50",
          "--value-size", "100kb", "--reads", "50")


def test_connections_that_are_told_to_go_take_no_call_with_them(
    start: Callable[..., Mayfly], name: str, tmp_path: Path
) -> None:
    mayfly = start(SHORT_LIVED[name])
    result = bench(mayfly, tmp_path / "result.json", "--concurrency", "100", "--duration", "800ms")
    assert result["seconds"] > 5 * CONNECTION_AGE_MS / 1000
