"""Connections that end badly, written by hand, since no library behaves like this on purpose."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

import grpc
from conftest import CALL_TIMEOUT_S, Server

StartServer = Callable[..., Server]

# RFC 9113: frame types, flags and the first bytes of every connection.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 0x1, 0x4
EMPTY_GRPC_MESSAGE = b"\x00" * 5

CALLS_AT_ONCE = 100
ROUNDS = 20


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return one HTTP/2 frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """Return one header as HPACK writes it without tables (RFC 7541, section 6.2.2)."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def ping_call(stream: int) -> bytes:
    """Return a whole call of the ping method."""
    headers = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/cache_client.Ping/Ping"),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    ]
    block = b"".join(literal(name, value) for name, value in headers)
    return frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, END_STREAM, stream, EMPTY_GRPC_MESSAGE)


def calls(count: int) -> bytes:
    """Return all that a client says on a connection with so many calls."""
    streams = range(1, 2 * count, 2)
    return PREFACE + frame(SETTINGS, 0, 0, b"") + b"".join(ping_call(stream) for stream in streams)


def assert_serves(server: Server) -> None:
    """Check that the server answers a call on a new connection."""
    with grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        assert channel.unary_unary("/cache_client.Ping/Ping")(b"", timeout=CALL_TIMEOUT_S) == b""


def test_clients_that_leave_without_listening_do_no_harm(start_server: StartServer) -> None:
    server = start_server()
    for _ in range(ROUNDS):
        # The server must not read before the client is gone, or it would answer a client that is still there.
        server.pause()
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(calls(CALLS_AT_ONCE))
        server.resume()
        assert_serves(server)


def test_clients_that_reset_the_connection_do_no_harm(start_server: StartServer) -> None:
    server = start_server()
    for _ in range(ROUNDS):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(calls(CALLS_AT_ONCE))
        assert_serves(server)
