"""The server over TLS: official gRPC and our own command as clients, and certificates that change while it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import grpc
from conftest import CALL_TIMEOUT_S, Authority, Server
from momento_wire_types import cacheclient_pb2 as messages
from momento_wire_types import cacheclient_pb2_grpc as stubs

StartServer = Callable[..., Server]


def secure_channel(server: Server, authority: Authority) -> grpc.Channel:
    """Open a connection that no other channel shares, to a server whom this authority vouches for."""
    credentials = grpc.ssl_channel_credentials(authority.ca_file.read_bytes())
    return grpc.secure_channel(server.address, credentials, [("grpc.use_local_subchannel_pool", 1)])


def get(channel: grpc.Channel, key: bytes = b"k") -> messages._GetResponse:
    """Get a key of the one cache of these tests."""
    return stubs.ScsStub(channel).Get(messages._GetRequest(cache_key=key), metadata=[("cache", "c")],
                                      timeout=CALL_TIMEOUT_S)


def test_grpc_reaches_the_server_over_tls(start_tls_server: StartServer, authority: Authority) -> None:
    with secure_channel(start_tls_server("--cache", "c"), authority) as channel:
        assert get(channel).result == messages.Miss
