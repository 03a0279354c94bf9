"""What no honest client sends. Each is answered or dropped as the specification says, is counted, and costs the
other clients nothing: after every attack the same honest call succeeds on a connection that was there before."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator

import grpc
import pytest
from conftest import CALL_TIMEOUT_S, Server, resident_bytes
from momento_wire_types import cacheclient_pb2 as messages
from momento_wire_types import cacheclient_pb2_grpc as stubs

StartServer = Callable[..., Server]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
PROTOCOL_ERROR, FRAME_SIZE_ERROR, ENHANCE_YOUR_CALM = 1, 6, 11
DROPPED_WITHIN_S = 20


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name: str, value: str) -> bytes:
    """An HPACK field that is not indexed, with texts under 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def request_headers(path: str = "/cache_client.Scs/Get", **more: str) -> bytes:
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "test", "te": "trailers",
              "content-type": "application/grpc", **more}
    return b"".join(literal(name, value) for name, value in fields.items())


class Attacker:
    """A raw connection that reads frames as they come."""

    def __init__(self, server: Server, greet: bool = True, receive_buffer_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(DROPPED_WITHIN_S)
        if receive_buffer_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.connect(("127.0.0.1", server.port))
        self.received = b""
        if greet:
            self.send(PREFACE + frame(SETTINGS))

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_until_dropped(self, data: bytes, times: int) -> None:
        """Send over and over; the server may well have gone before the end."""
        try:
            for _ in range(times):
                self.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        """Every frame until the server closes the connection."""
        while True:
            while len(self.received) < 9 or len(self.received) < 9 + int.from_bytes(self.received[:3], "big"):
                try:
                    piece = self.socket.recv(65536)
                except ConnectionResetError:
                    return
                if piece == b"":
                    return
                self.received += piece
            size = int.from_bytes(self.received[:3], "big")
            kind, flags = self.received[3], self.received[4]
            stream = int.from_bytes(self.received[5:9], "big") & 0x7FFFFFFF
            payload, self.received = self.received[9:9 + size], self.received[9 + size:]
            yield kind, flags, stream, payload

    def frames_of(self, wanted: int) -> Iterator[tuple[int, int, int, bytes]]:
        """The frames of one stream up to the one that ends it."""
        for received in self.frames():
            if received[2] == wanted:
                yield received
                if received[1] & END_STREAM and received[0] in (HEADERS, DATA):
                    return

    def goaway_code(self) -> int | None:
        """Read until the server closes; the code of its last GOAWAY, None without one."""
        code = None
        for kind, _, _, payload in self.frames():
            if kind == GOAWAY:
                code = int.from_bytes(payload[4:8], "big")
        return code

    def close(self) -> None:
        self.socket.close()


def counters(server: Server) -> dict[str, int]:
    """What the server has counted: it logs that on SIGUSR1."""
    before = len(server.log)
    os.kill(server.process_number, signal.SIGUSR1)
    deadline = time.monotonic() + CALL_TIMEOUT_S
    while time.monotonic() < deadline:
        for line in server.log[before:]:
            record = json.loads(line)
            if record["event"] == "counters":
                return record
        time.sleep(0.01)
    raise AssertionError("the server did not log its counters")


@pytest.fixture
def victim(start_server: StartServer) -> Iterator[Server]:
    """A server with a cache, and an honest client that is connected before and served after the test."""
    server = start_server("--cache", "shared")
    with grpc.insecure_channel(server.address) as channel:
        scs = stubs.ScsStub(channel)
        metadata = [("cache", "shared")]
        item = messages._SetRequest(cache_key=b"k", cache_body=b"v", ttl_milliseconds=600_000)
        scs.Set(item, metadata=metadata, timeout=CALL_TIMEOUT_S)
        yield server
        reply = scs.Get(messages._GetRequest(cache_key=b"k"), metadata=metadata, timeout=CALL_TIMEOUT_S)
        assert reply.cache_body == b"v"


def test_garbage_instead_of_the_preface_ends_the_connection_and_is_counted(victim: Server) -> None:
    attacker = Attacker(victim, greet=False)
    attacker.send(bytes(range(256)) * 10)
    attacker.goaway_code()
    assert counters(victim)["connections_failed"] == 1


def test_an_http_1_request_ends_the_connection(victim: Server) -> None:
    attacker = Attacker(victim, greet=False)
    attacker.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    attacker.goaway_code()
    assert counters(victim)["connections_failed"] == 1


def test_a_frame_over_the_size_limit_ends_the_connection_with_goaway(victim: Server) -> None:
    attacker = Attacker(victim)
    attacker.send(frame(DATA, 0, 1, b"x" * 16385))
    assert attacker.goaway_code() == FRAME_SIZE_ERROR
    assert counters(victim)["connections_failed"] == 1


def test_data_on_a_stream_that_never_was_ends_the_connection_with_goaway(victim: Server) -> None:
    attacker = Attacker(victim)
    attacker.send(frame(DATA, END_STREAM, 1, b"x"))
    assert attacker.goaway_code() == PROTOCOL_ERROR


def test_header_bytes_that_are_no_hpack_end_the_connection_with_goaway(victim: Server) -> None:
    attacker = Attacker(victim)
    attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff" * 40))
    assert attacker.goaway_code() is not None


@pytest.mark.parametrize("size", [1, 9, 24, 30, 60])
def test_a_connection_that_ends_in_the_middle_of_a_frame_leaves_nothing_behind(victim: Server, size: int) -> None:
    whole = PREFACE + frame(SETTINGS) + frame(HEADERS, END_HEADERS, 1, request_headers())
    attacker = Attacker(victim, greet=False)
    attacker.send(whole[:size])
    attacker.close()
    deadline = time.monotonic() + CALL_TIMEOUT_S
    while counters(victim)["connections_open"] > 1:
        assert time.monotonic() < deadline, "the connection is still there"


def test_a_header_list_over_the_limit_is_refused_and_counted(victim: Server) -> None:
    attacker = Attacker(victim)
    block = request_headers() + b"".join(literal(f"x-{i}", "y" * 100) for i in range(200))
    pieces = [block[i:i + 16000] for i in range(0, len(block), 16000)]
    attacker.send(frame(HEADERS, END_STREAM, 1, pieces[0]))
    for piece in pieces[1:-1]:
        attacker.send(frame(CONTINUATION, 0, 1, piece))
    attacker.send(frame(CONTINUATION, END_HEADERS, 1, pieces[-1]))
    kinds = {kind for kind, _, stream, _ in take_until(attacker, HEADERS) if stream == 1}
    assert HEADERS in kinds
    assert counters(victim)["refused_header_size"] == 1
    attacker.close()


def take_until(attacker: Attacker, kind: int) -> list[tuple[int, int, int, bytes]]:
    """The frames up to the first of this kind."""
    taken = []
    for received in attacker.frames():
        taken.append(received)
        if received[0] == kind:
            break
    return taken


def test_a_header_block_without_end_ends_the_connection(victim: Server) -> None:
    attacker = Attacker(victim)
    attacker.send(frame(HEADERS, 0, 1, request_headers()))
    attacker.send_until_dropped(frame(CONTINUATION, 0, 1, literal("x", "y" * 100) * 100), 100)
    attacker.goaway_code()
    assert counters(victim)["connections_failed"] == 1


def test_a_flood_of_pings_ends_the_connection_with_enhance_your_calm(victim: Server) -> None:
    attacker = Attacker(victim)
    attacker.send_until_dropped(frame(PING, 0, 0, b"12345678") * 100, 100)
    assert attacker.goaway_code() in (ENHANCE_YOUR_CALM, None)
    assert counters(victim)["connections_failed"] == 1


def test_a_flood_of_settings_ends_the_connection(victim: Server) -> None:
    attacker = Attacker(victim)
    attacker.send_until_dropped(frame(SETTINGS) * 100, 100)
    assert attacker.goaway_code() in (ENHANCE_YOUR_CALM, None)
    assert counters(victim)["connections_failed"] == 1


def test_a_rapid_reset_ends_the_connection_with_enhance_your_calm(victim: Server) -> None:
    attacker = Attacker(victim)
    headers = request_headers(cache="shared")
    attack = b"".join(frame(HEADERS, END_HEADERS, stream, headers) + frame(RST_STREAM, 0, stream, b"\0\0\0\x08")
                      for stream in range(1, 200_001, 2))
    for start in range(0, len(attack), 1 << 20):
        attacker.send_until_dropped(attack[start:start + (1 << 20)], 1)
    assert attacker.goaway_code() in (ENHANCE_YOUR_CALM, None)
    assert counters(victim)["connections_failed"] == 1


def test_a_message_that_is_no_protobuf_is_an_invalid_argument(victim: Server) -> None:
    with grpc.insecure_channel(victim.address) as channel:
        get = channel.unary_unary("/cache_client.Scs/Get", request_serializer=bytes, response_deserializer=bytes)
        with pytest.raises(grpc.RpcError) as caught:
            get(b"\xff\xff\xff", metadata=[("cache", "shared")], timeout=CALL_TIMEOUT_S)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert counters(victim)["INVALID_ARGUMENT"] == 1


def test_a_client_that_stops_reading_is_dropped_and_slows_nobody(start_server: StartServer) -> None:
    server = start_server("--cache", "shared", "--stall-timeout", "1s")
    with grpc.insecure_channel(server.address) as channel:
        scs = stubs.ScsStub(channel)
        metadata = [("cache", "shared")]
        large = messages._SetRequest(cache_key=b"k", cache_body=b"v" * 4_000_000, ttl_milliseconds=600_000)
        scs.Set(large, metadata=metadata, timeout=CALL_TIMEOUT_S)
        attacker = Attacker(server)
        attacker.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7FFF0000 - 65535)))
        attacker.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0x7FFFFFFF)))
        message = messages._GetRequest(cache_key=b"k").SerializeToString()
        body = b"\0" + struct.pack(">I", len(message)) + message
        for stream in range(1, 101, 2):
            attacker.send(frame(HEADERS, END_HEADERS, stream, request_headers(cache="shared"))
                          + frame(DATA, END_STREAM, stream, body))
        deadline = time.monotonic() + DROPPED_WITHIN_S
        while counters(server)["connections_open"] > 1:
            small = messages._GetRequest(cache_key=b"other")
            scs.Get(small, metadata=metadata, timeout=1)
            assert time.monotonic() < deadline, "the client that does not read is still connected"
        attacker.close()


def test_a_connection_over_the_limit_is_closed_and_counted(start_server: StartServer) -> None:
    server = start_server("--max-connections", "1")
    first = Attacker(server)
    take_until(first, SETTINGS)
    second = Attacker(server, greet=False)
    assert second.socket.recv(1) == b""
    assert counters(server)["connections_refused"] == 1
    first.close()


def test_refused_calls_pile_up_no_answers_for_a_client_that_does_not_read(start_server: StartServer) -> None:
    """Every call over the stream limit is answered with a reset; a client that reads none of them gets no more."""
    server = start_server("--cache", "shared", "--stall-timeout", "20s")
    attacker = Attacker(server, greet=False, receive_buffer_bytes=2048)
    attacker.send(PREFACE + frame(SETTINGS) + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
    with grpc.insecure_channel(server.address) as channel:
        item = messages._SetRequest(cache_key=b"k", cache_body=b"v" * 60_000, ttl_milliseconds=600_000)
        stubs.ScsStub(channel).Set(item, metadata=[("cache", "shared")], timeout=CALL_TIMEOUT_S)
    message = messages._GetRequest(cache_key=b"k").SerializeToString()
    body = b"\0" + struct.pack(">I", len(message)) + message
    stream = 1
    for _ in range(110):
        attacker.send(frame(HEADERS, END_HEADERS, stream, request_headers(cache="shared"))
                      + frame(DATA, END_STREAM, stream, body))
        stream += 2
        time.sleep(0.004)  # one at a time, so that the answers are some bytes more than the kernel takes, no more
    before = resident_bytes(server)
    attacker.socket.settimeout(2)
    sent = 0
    try:
        while sent < 30_000_000:
            flood = b"".join(frame(HEADERS, END_HEADERS, number, bytes([0x83, 0x86, 0x84]))
                             for number in range(stream, stream + 20_000, 2))
            stream += 20_000
            sent += attacker.socket.send(flood)
    except OSError:
        pass  # the server stopped reading, or closed the connection
    assert resident_bytes(server) - before < 100_000_000
    attacker.close()
