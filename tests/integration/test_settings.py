"""Settings of the server as clients notice them, each on a server of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from conftest import CALL_TIMEOUT_S, Server
from momento_wire_types import cacheclient_pb2 as messages
from momento_wire_types import cacheclient_pb2_grpc as stubs
from momento_wire_types import controlclient_pb2 as control_messages
from momento_wire_types import controlclient_pb2_grpc as control_stubs

StartServer = Callable[..., Server]

CACHE = "settings"


@contextmanager
def connect(server: Server) -> Iterator[grpc.Channel]:
    """Open a connection that no other channel shares."""
    with grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield channel


def call(method: Any, request: Any, *metadata: tuple[str, str]) -> Any:
    """Call a method of the data plane on the one cache of these tests."""
    return method(request, metadata=[("cache", CACHE), *metadata], timeout=CALL_TIMEOUT_S)


def code_of(method: Any, request: Any, *metadata: tuple[str, str]) -> grpc.StatusCode:
    """Make a call that must fail and return its status."""
    with pytest.raises(grpc.RpcError) as caught:
        call(method, request, *metadata)
    return caught.value.code()


def test_a_cache_can_be_there_from_the_start(start_server: StartServer) -> None:
    with connect(start_server("--cache", CACHE)) as channel:
        response = call(stubs.ScsStub(channel).Get, messages._GetRequest(cache_key=b"k"))
        assert response.result == messages.Miss


def test_limits_are_the_operators_and_are_listed(start_server: StartServer) -> None:
    server = start_server("--cache", CACHE, "--max-ttl", "1h", "--max-item", "2kib")
    with connect(server) as channel:
        scs = stubs.ScsStub(channel)
        hour_ms = 60 * 60 * 1000
        largest = messages._SetRequest(cache_key=b"k", cache_body=b"v" * 2047, ttl_milliseconds=hour_ms)
        assert call(scs.Set, largest).result == messages.Ok

        longer = messages._SetRequest(cache_key=b"k", cache_body=b"v", ttl_milliseconds=hour_ms + 1)
        assert code_of(scs.Set, longer) == grpc.StatusCode.INVALID_ARGUMENT
        larger = messages._SetRequest(cache_key=b"k", cache_body=b"v" * 2048, ttl_milliseconds=hour_ms)
        assert code_of(scs.Set, larger) == grpc.StatusCode.RESOURCE_EXHAUSTED

        control = control_stubs.ScsControlStub(channel)
        page = control.ListCaches(control_messages._ListCachesRequest(), timeout=CALL_TIMEOUT_S)
        limits = {entry.cache_name: entry.cache_limits for entry in page.cache}[CACHE]
        assert (limits.max_ttl_seconds, limits.max_item_size_kb) == (3600, 2)


def test_no_more_caches_are_made_than_allowed(start_server: StartServer) -> None:
    with connect(start_server("--max-caches", "2")) as channel:
        control = control_stubs.ScsControlStub(channel)
        for name in ("one", "two"):
            call(control.CreateCache, control_messages._CreateCacheRequest(cache_name=name))
        third = control_messages._CreateCacheRequest(cache_name="three")
        assert code_of(control.CreateCache, third) == grpc.StatusCode.RESOURCE_EXHAUSTED
        again = control_messages._CreateCacheRequest(cache_name="two")
        assert code_of(control.CreateCache, again) == grpc.StatusCode.ALREADY_EXISTS
        call(control.DeleteCache, control_messages._DeleteCacheRequest(cache_name="one"))
        call(control.CreateCache, third)


def test_metadata_over_the_limit_is_refused_and_the_connection_lives_on(start_server: StartServer) -> None:
    with connect(start_server("--cache", CACHE, "--max-header", "4kib")) as channel:
        get = stubs.ScsStub(channel).Get
        request = messages._GetRequest(cache_key=b"k")
        assert call(get, request, ("x-small", "v" * 1000)).result == messages.Miss
        assert code_of(get, request, ("x-large", "v" * 5000)) == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert call(get, request).result == messages.Miss


def test_connections_on_several_threads_share_the_caches(start_server: StartServer) -> None:
    server = start_server("--cache", CACHE, "--threads", "2")

    def increment(_: int) -> None:
        with connect(server) as channel:
            for _ in range(100):
                call(
                    stubs.ScsStub(channel).Increment,
                    messages._IncrementRequest(cache_key=b"n", amount=1, ttl_milliseconds=60_000),
                )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(8)))
    with connect(server) as channel:
        response = call(stubs.ScsStub(channel).Get, messages._GetRequest(cache_key=b"n"))
        assert response.cache_body == b"800"


def test_a_cache_that_one_connection_deletes_is_gone_for_the_others(start_server: StartServer) -> None:
    server = start_server("--cache", CACHE, "--threads", "2")
    request = messages._GetRequest(cache_key=b"k")
    with connect(server) as first, connect(server) as second, connect(server) as third:
        others = [stubs.ScsStub(channel).Get for channel in (second, third)]
        for get in others:
            assert call(get, request).result == messages.Miss
        control = control_stubs.ScsControlStub(first)
        call(control.DeleteCache, control_messages._DeleteCacheRequest(cache_name=CACHE))
        for get in others:
            assert code_of(get, request) == grpc.StatusCode.NOT_FOUND
