"""The rates that each cache is held to, as clients notice them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import grpc
import pytest
from conftest import CALL_TIMEOUT_S, Server
from momento import CacheClient, Configurations, CredentialProvider
from momento.errors import LimitExceededException
from momento.responses import CacheGet, CacheSet
from momento_wire_types import cacheclient_pb2 as messages
from momento_wire_types import cacheclient_pb2_grpc as stubs
from momento_wire_types import cachepubsub_pb2 as topic_messages
from momento_wire_types import cachepubsub_pb2_grpc as topic_stubs
from momento_wire_types import controlclient_pb2 as control_messages
from momento_wire_types import controlclient_pb2_grpc as control_stubs

StartServer = Callable[..., Server]

CACHE = "rated"
GET = messages._GetRequest(cache_key=b"k")
TOO_MANY_REQUESTS = "operations_rate_limit_exceeded"
TOO_MANY_BYTES = "throughput_rate_limit_exceeded"


@contextmanager
def connect(server: Server) -> Iterator[stubs.ScsStub]:
    """Open a connection that no other channel shares."""
    with grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield stubs.ScsStub(channel)


def outcome(call: Callable[[], object]) -> str | None:
    """Make a call, and return the cause of its failure, or nothing where it succeeds."""
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        return dict(error.trailing_metadata())["err"]
    return None


def get(scs: stubs.ScsStub, cache: str = CACHE) -> str | None:
    """Read a key that is not there."""
    return outcome(lambda: scs.Get(GET, metadata=[("cache", cache)], timeout=CALL_TIMEOUT_S))


def put(scs: stubs.ScsStub, size: int) -> str | None:
    """Write a value of so many bytes."""
    item = messages._SetRequest(cache_key=b"k", cache_body=b"v" * size, ttl_milliseconds=60_000)
    return outcome(lambda: scs.Set(item, metadata=[("cache", CACHE)], timeout=CALL_TIMEOUT_S))


def test_requests_over_the_rate_are_refused_for_every_connection(start_server: StartServer) -> None:
    """A hundred calls take far less than the fifty seconds in which half of them would be allowed."""
    server = start_server("--cache", CACHE, "--max-requests-per-second", "1", "--threads", "2")
    with connect(server) as one, connect(server) as other:
        outcomes = [get(scs) for scs in (one, other) for _ in range(50)]
    assert outcomes[0] is None
    assert outcomes.count(TOO_MANY_REQUESTS) > 50


def test_publishing_counts_toward_the_rate_of_the_cache_that_the_message_names(start_server: StartServer) -> None:
    server = start_server("--cache", CACHE, "--max-requests-per-second", "1")
    message = topic_messages._PublishRequest(
        cache_name=CACHE, topic="t", value=topic_messages._TopicValue(text="hello")
    )
    with grpc.insecure_channel(server.address) as channel:
        topics = topic_stubs.PubsubStub(channel)
        outcomes = [outcome(lambda: topics.Publish(message, timeout=CALL_TIMEOUT_S)) for _ in range(20)]
    assert outcomes[0] is None
    assert TOO_MANY_REQUESTS in outcomes


def test_each_cache_has_a_rate_of_its_own(start_server: StartServer) -> None:
    server = start_server("--cache", CACHE, "--max-requests-per-second", "1")
    with grpc.insecure_channel(server.address) as channel:
        control = control_stubs.ScsControlStub(channel)
        control.CreateCache(control_messages._CreateCacheRequest(cache_name="other"), timeout=CALL_TIMEOUT_S)
    with connect(server) as scs:
        assert TOO_MANY_REQUESTS in [get(scs) for _ in range(20)]
        assert get(scs, "other") is None


def test_a_request_larger_than_the_rate_is_refused_and_one_as_large_goes_once(start_server: StartServer) -> None:
    server = start_server("--cache", CACHE, "--max-bytes-per-second", "10kib")
    with connect(server) as scs:
        assert put(scs, 20_000) == TOO_MANY_BYTES
        assert put(scs, 10_000) is None
        assert put(scs, 10_000) == TOO_MANY_BYTES


def test_a_request_refused_for_its_bytes_is_not_counted_as_a_request(start_server: StartServer) -> None:
    server = start_server("--cache", CACHE, "--max-requests-per-second", "1", "--max-bytes-per-second", "1kib")
    with connect(server) as scs:
        assert [put(scs, 3000) for _ in range(5)] == [TOO_MANY_BYTES] * 5
        assert get(scs) is None


def test_a_message_to_many_subscribers_keeps_requests_out_for_seconds_and_no_longer(start_server: StartServer) -> None:
    """Fifty copies of 200,000 bytes are ten seconds' worth."""
    server = start_server("--cache", CACHE, "--max-bytes-per-second", "1mb")
    subscription = topic_messages._SubscriptionRequest(cache_name=CACHE, topic="t")
    message = topic_messages._PublishRequest(
        cache_name=CACHE, topic="t", value=topic_messages._TopicValue(binary=b"x" * 200_000)
    )
    with connect(server) as scs, grpc.insecure_channel(server.address) as channel:
        topics = topic_stubs.PubsubStub(channel)
        subscribers = [topics.Subscribe(subscription, timeout=CALL_TIMEOUT_S) for _ in range(50)]
        for subscriber in subscribers:
            next(subscriber)
        topics.Publish(message, timeout=CALL_TIMEOUT_S)
        for subscriber in subscribers:
            assert len(next(subscriber).item.value.binary) == 200_000
        sent_s = time.monotonic()
        assert get(scs) == TOO_MANY_BYTES
        while get(scs) is not None:
            assert time.monotonic() < sent_s + 4
            time.sleep(0.05)
        for subscriber in subscribers:
            subscriber.cancel()


def test_replies_count_as_bytes(start_server: StartServer) -> None:
    server = start_server("--cache", CACHE, "--max-bytes-per-second", "100kib")
    with connect(server) as scs:
        assert put(scs, 90_000) is None
        outcomes = [get(scs) for _ in range(10)]
    assert outcomes[0] is None
    assert outcomes[-1] == TOO_MANY_BYTES


def test_the_rates_are_listed_with_each_cache(start_server: StartServer) -> None:
    def limits(server: Server) -> tuple[int, int]:
        with grpc.insecure_channel(server.address) as channel:
            page = control_stubs.ScsControlStub(channel).ListCaches(
                control_messages._ListCachesRequest(), timeout=CALL_TIMEOUT_S
            )
        return page.cache[0].cache_limits.max_traffic_rate, page.cache[0].cache_limits.max_throughput_kbps

    rated = start_server("--cache", CACHE, "--max-requests-per-second", "500", "--max-bytes-per-second", "3mib")
    assert limits(rated) == (500, 3072)
    unlimited = 2**32 - 1
    assert limits(start_server("--cache", CACHE)) == (unlimited, unlimited)


@pytest.mark.parametrize("setting", ["--max-requests-per-second=1", "--max-bytes-per-second=40b"])
def test_the_python_sdk_tells_that_a_limit_is_exceeded(start_server: StartServer, setting: str) -> None:
    server = start_server("--cache", CACHE, setting)
    credentials = CredentialProvider.for_momento_local("127.0.0.1", server.port)
    with CacheClient.create(Configurations.Laptop.latest(), credentials, timedelta(seconds=60)) as client:
        responses = [client.get(CACHE, "key") for _ in range(30)]
        refused = [response for response in responses if isinstance(response, CacheGet.Error)]
        assert refused
        assert all(isinstance(response.inner_exception, LimitExceededException) for response in refused)
        assert isinstance(client.set(CACHE, "key", "v" * 100), CacheSet.Error)
