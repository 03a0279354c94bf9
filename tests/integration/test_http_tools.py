"""Tools that speak HTTP/2 and know nothing of gRPC, against our server: they send what no gRPC library does."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Server
from momento_wire_types import cacheclient_pb2 as messages
from peers import ITEM_LIMIT_BYTES, KEY, patterned

RUN_TIMEOUT_S = 60
HEADERS = {"content-type": "application/grpc", "te": "trailers", "cache": "c"}


def framed(message: bytes) -> bytes:
    """Return a message as gRPC puts it into a body."""
    return b"\x00" + len(message).to_bytes(4, "big") + message


def run(*command: object) -> bytes:
    """Run a tool that must succeed; return what it printed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, timeout=RUN_TIMEOUT_S)
    assert done.returncode == 0, done
    return done.stdout


@pytest.fixture(scope="module")
def own_server(binary: Path) -> Iterator[Server]:
    """Run a server that takes the long headers with which nghttp tries CONTINUATION."""
    running = Server(binary, "--cache", "c", "--max-header", "60kib")
    yield running
    running.stop()


@pytest.fixture
def url(own_server: Server) -> str:
    return f"http://{own_server.address}/cache_client.Scs"


# curl


def curl(folder: Path, url: str, *arguments: object) -> tuple[str, bytes]:
    """Make a request; return the answer's fields, as HTTP/1.1 would write them, trailers at the end, and its body."""
    fields = folder / "fields"
    body = run("curl", "-sS", "--http2-prior-knowledge", "--dump-header", fields, "--output", "-", *arguments, url)
    return fields.read_text(), body


def grpc_arguments(path: Path, message: bytes) -> list[object]:
    """Return what has curl and nghttp make a call."""
    path.write_bytes(framed(message))
    return [argument for name, value in HEADERS.items() for argument in ("-H", f"{name}: {value}")]


def test_curl_sets_and_gets_the_largest_value(url: str, tmp_path: Path) -> None:
    value = patterned(ITEM_LIMIT_BYTES - len(KEY))
    set_request = messages._SetRequest(cache_key=KEY.encode(), cache_body=value, ttl_milliseconds=60_000)
    body = tmp_path / "body"
    for method, request, expected in [
        ("Set", set_request, messages._SetResponse(result=messages.Ok)),
        ("Get", messages._GetRequest(cache_key=KEY.encode()),
         messages._GetResponse(result=messages.Hit, cache_body=value)),
    ]:
        arguments = grpc_arguments(body, request.SerializeToString())
        fields, reply = curl(tmp_path, f"{url}/{method}", *arguments, "--data-binary", f"@{body}")
        assert fields.split() == ["HTTP/2", "200", "content-type:", "application/grpc", "grpc-status:", "0"]
        assert reply == framed(expected.SerializeToString())


def test_curl_is_told_in_http_that_gRPC_is_wanted(url: str, tmp_path: Path) -> None:
    assert curl(tmp_path, f"{url}/Get") == ("HTTP/2 405 \n\n", b"")
    # With a body this curl sometimes fails: the answer comes before all is sent, which it does not expect.
    assert curl(tmp_path, f"{url}/Get", "--data", "") == ("HTTP/2 415 \n\n", b"")


# nghttp and h2load

VALUE_BYTES = 2000

UNUSUAL = {
    "padded": ["--padding=255"],
    "continued": ["--continuation"],  # 16 KB of fields, in CONTINUATION frames
    "without-a-table": ["--header-table-size=0", "--encoder-header-table-size=0"],
    "with-a-large-table": ["--header-table-size=1048576", "--encoder-header-table-size=1048576"],
    "byte-by-byte": ["--window-bits=1"],
    "with-trailers": ["--trailer=x-trailer: value"],
    "without-priorities": ["--no-dep"],
    "a-hundred-at-once": ["--multiply=100"],
}


@pytest.fixture
def get(url: str, tmp_path: Path) -> tuple[list[object], bytes]:
    """Store a value; return what has the tools get it, and the body of the answer."""
    value, body = patterned(VALUE_BYTES), tmp_path / "body"
    request = messages._SetRequest(cache_key=KEY.encode(), cache_body=value, ttl_milliseconds=60_000)
    curl(tmp_path, f"{url}/Set", *grpc_arguments(body, request.SerializeToString()), "--data-binary", f"@{body}")
    arguments = grpc_arguments(body, messages._GetRequest(cache_key=KEY.encode()).SerializeToString())
    reply = messages._GetResponse(result=messages.Hit, cache_body=value).SerializeToString()
    return [*arguments, "-d", body, f"{url}/Get"], framed(reply)


@pytest.mark.parametrize("way", UNUSUAL)
def test_nghttp_is_answered_in_whatever_way_it_asks(get: tuple[list[object], bytes], way: str) -> None:
    arguments, reply = get
    count = 100 if way == "a-hundred-at-once" else 1
    # Many replies are printed as they come, one through the other.
    printed = run("nghttp", *UNUSUAL[way], *arguments)
    assert printed == reply if count == 1 else Counter(printed) == Counter(reply * count)


@pytest.mark.parametrize("options", [
    ["-c", 10, "-m", 100],
    ["-c", 1, "-m", 1000],  # of which a hundred are let in at a time
    ["-c", 2, "-m", 100, "-w", 10],
    ["-c", 2, "-m", 100, "--header-table-size=0", "--encoder-header-table-size=0"],
], ids=["many", "more-than-are-let-in", "small-windows", "without-a-table"])
def test_h2load_has_every_request_answered(get: tuple[list[object], bytes], options: list[object]) -> None:
    arguments, reply = get
    count = 5000
    report = run("h2load", "-n", count, *options, *arguments).decode()
    assert f"{count} succeeded, 0 failed, 0 errored, 0 timeout" in report
    assert f"status codes: {count} 2xx" in report
    assert f"({count * len(reply)}) data" in report
