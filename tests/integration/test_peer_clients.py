"""The gRPC clients of others against our server. What they ask for is the same; what they put on the wire is not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import peers
import pytest
from conftest import Server
from momento_wire_types import cacheclient_pb2 as messages
from momento_wire_types import cachepubsub_pb2 as topics
from momento_wire_types import controlclient_pb2 as control_messages
from peers import CALLERS, ITEM_LIMIT_BYTES, SIZES, Call, Metadata, Outcome, patterned

StartServer = Callable[..., Server]
OK, CANCELLED = grpc.StatusCode.OK, grpc.StatusCode.CANCELLED

KEY = peers.KEY.encode()
TTL_MS = 60_000
KIB = 1024

# The least that each client can be told to take: windows, tables, frames.
SMALL: dict[str, dict[str, Any]] = {
    "grpcio": {"grpc.http2.bdp_probe": 0, "grpc.http2.lookahead_bytes": 1024, "grpc.http2.max_frame_size": 16384,
               "grpc.http2.hpack_table_size.decoder": 0, "grpc.http2.hpack_table_size.encoder": 0},
    "grpc-go": {"window": 65_535, "max_header_list": 1024},
    "grpc-js": {"grpc-node.flow_control_window": 1000},
}


@pytest.fixture(scope="module", params=CALLERS)
def name(request: pytest.FixtureRequest) -> str:
    """Name a client."""
    return request.param


@pytest.fixture(scope="module")
def caller(name: str) -> Iterator[Any]:
    """Run it."""
    made = CALLERS[name]()
    yield made
    made.close()


class Cache:
    """A cache as one client sees it, on one connection."""

    def __init__(self, caller: Any, server: Server, name: str, options: dict[str, Any] | None = None) -> None:
        self.server, self.name = server, name
        self._caller, self._options = caller, options

    def call(self, method: str, request: Any, metadata: Metadata | None = None, **settings: Any) -> Call:
        """Return a call that names the cache, after all other metadata."""
        return Call(f"/cache_client.Scs/{method}", request.SerializeToString(),
                    [*(metadata or []), ("cache", self.name)], **settings)

    def get(self, key: bytes = KEY, **settings: Any) -> Call:
        return self.call("Get", messages._GetRequest(cache_key=key), **settings)

    def set(self, value: bytes, key: bytes = KEY, **settings: Any) -> Call:
        request = messages._SetRequest(cache_key=key, cache_body=value, ttl_milliseconds=TTL_MS)
        return self.call("Set", request, **settings)

    def get_batch(self, keys: list[bytes], **settings: Any) -> Call:
        items = [messages._GetRequest(cache_key=key) for key in keys]
        return self.call("GetBatch", messages._GetBatchRequest(items=items), **settings)

    def subscribe(self, resume_at: int = 0, **settings: Any) -> Call:
        request = topics._SubscriptionRequest(cache_name=self.name, topic="t",
                                              resume_at_topic_sequence_number=resume_at)
        return Call("/cache_client.pubsub.Pubsub/Subscribe", request.SerializeToString(), **settings)

    def publish(self, value: bytes) -> Call:
        request = topics._PublishRequest(cache_name=self.name, topic="t", value=topics._TopicValue(binary=value))
        return Call("/cache_client.pubsub.Pubsub/Publish", request.SerializeToString())

    def outcomes(self, *calls: Call) -> list[Outcome]:
        """Make calls at once."""
        return self._caller(self.server.address, calls, self._options)

    def refusal(self, call: Call) -> Outcome:
        """Make a call that must end without a reply, and with a sentence that says why."""
        (outcome,) = self.outcomes(call)
        assert outcome.replies == [] and outcome.code != OK and outcome.message != ""
        return outcome

    def replies(self, *calls: Call) -> list[bytes]:
        """Make calls at once that must all succeed, and return their replies."""
        outcomes = self.outcomes(*calls)
        assert {(outcome.code, outcome.message) for outcome in outcomes} == {(OK, "")}
        return [reply for outcome in outcomes for reply in outcome.replies]

    def values(self, *calls: Call) -> list[bytes]:
        """Make calls at once that must all find something, and return what."""
        found = [messages._GetResponse.FromString(reply) for reply in self.replies(*calls)]
        assert {response.result for response in found} == {messages.Hit}
        return [response.cache_body for response in found]

    def named(self, name: str) -> Cache:
        """Return what may be a cache of this name, on the same connection."""
        return Cache(self._caller, self.server, name, self._options)

    def another(self) -> Cache:
        """Make another cache on the same server."""
        made = self.named(f"cache-{uuid.uuid4()}")
        create = control_messages._CreateCacheRequest(cache_name=made.name).SerializeToString()
        self.replies(Call("/control_client.ScsControl/CreateCache", create))
        return made

    def assert_works(self) -> None:
        """Check that the connection still carries a value there and back."""
        self.replies(self.set(b"still here"))
        assert self.values(self.get()) == [b"still here"]


@pytest.fixture
def start_cache(caller: Any, start_server: StartServer) -> Callable[..., Cache]:
    """Start servers with settings of the test's own, each with an empty cache."""

    def start(*arguments: str, options: dict[str, Any] | None = None) -> Cache:
        return Cache(caller, start_server("--cache", "c", *arguments), "c", options)

    return start


@pytest.fixture(scope="module")
def common_server(binary: Path) -> Iterator[Server]:
    """Run a server for all tests that do not disturb it."""
    running = Server(binary, "--cache", "c")
    yield running
    running.stop()


@pytest.fixture
def mine(caller: Any, common_server: Server) -> Cache:
    return Cache(caller, common_server, "c")


# Messages


def test_values_of_every_size_come_back_as_they_were(mine: Cache) -> None:
    for size in SIZES:
        mine.replies(mine.set(patterned(size)))
        assert mine.values(mine.get()) == [patterned(size)]


def test_values_of_every_size_fit_through_the_smallest_windows(name: str, start_cache: Callable[..., Cache]) -> None:
    cache = start_cache(options=SMALL[name])
    for size in SIZES:
        cache.replies(cache.set(patterned(size)))
        assert cache.values(cache.get()) == [patterned(size)]


def test_large_values_at_once_share_a_connection(mine: Cache) -> None:
    keys = [bytes([number]) for number in range(8)]
    mine.replies(*(mine.set(key * 1_000_000, key) for key in keys))
    assert mine.values(*(mine.get(key) for key in keys)) == [key * 1_000_000 for key in keys]


def test_a_batch_streams_a_reply_for_every_key_in_order(mine: Cache) -> None:
    keys = [f"batch-{number}".encode() for number in range(1000)]
    mine.replies(*(mine.set(b"value of " + key, key) for key in keys))
    assert mine.values(mine.get_batch(keys)) == [b"value of " + key for key in keys]


def test_a_subscription_streams_what_is_published_in_order(start_cache: Callable[..., Cache]) -> None:
    cache = start_cache()
    values = [f"value {number}".encode() for number in range(100)]
    for value in values:
        cache.replies(cache.publish(value))
    (outcome,) = cache.outcomes(cache.subscribe(resume_at=1, cancel_after=1 + len(values)))
    heartbeat, *items = [topics._SubscriptionItem.FromString(reply) for reply in outcome.replies]
    assert heartbeat.WhichOneof("kind") == "heartbeat"
    assert [item.item.value.binary for item in items] == values


# A thousand at once


def test_a_thousand_streams_stand_at_once_on_one_connection(start_cache: Callable[..., Cache]) -> None:
    cache = start_cache("--max-streams", "1000", "--topic-heartbeat", "100ms")
    # None is cancelled before each has had a reply, which only those get that the server has let in.
    outcomes = cache.outcomes(*[cache.subscribe(cancel_after=1)] * 1000)
    assert {(outcome.code, len(outcome.replies) > 0) for outcome in outcomes} == {(CANCELLED, True)}
    cache.assert_works()
    cache.server.stop()
    assert counters(cache.server)["connections"] == 1


def test_a_thousand_calls_at_once_are_answered_where_a_hundred_may_be_under_way(mine: Cache) -> None:
    keys = [f"many-{number}".encode() for number in range(1000)]
    mine.replies(*(mine.set(key * 10, key) for key in keys))
    assert mine.values(*(mine.get(key) for key in keys)) == [key * 10 for key in keys]


def counters(server: Server) -> dict[str, Any]:
    """Return what a server that has stopped had counted."""
    (record,) = (record for record in map(json.loads, server.log) if record["event"] == "counters")
    return record


# Refusals


def test_a_refusal_comes_with_its_status_and_its_sentence(mine: Cache) -> None:
    absent = mine.named("nobody-made-this")
    assert absent.refusal(absent.get()).code == grpc.StatusCode.NOT_FOUND
    assert mine.refusal(mine.get(b"")).code == grpc.StatusCode.INVALID_ARGUMENT
    assert mine.refusal(Call("/cache_client.Scs/NoSuchMethod", b"")).code == grpc.StatusCode.UNIMPLEMENTED
    mine.assert_works()


def test_a_refusal_comes_with_its_cause_in_the_trailers(mine: Cache) -> None:
    refused = mine.refusal(mine.set(bytes(ITEM_LIMIT_BYTES)))
    assert refused.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert ("err", "item_size_limit_exceeded") in refused.trailing
    mine.assert_works()


# Metadata. The cache is named after all the rest, and two caches answer differently, so a client that is understood
# wrongly gets a wrong answer.

EVERY_BYTE = bytes(range(256))
METADATA: dict[str, Metadata] = {
    "unknown": [("nobody-knows-this", "value"), ("x", "")],
    "long": [("long", "v" * 8 * KIB), ("long-name-" + "n" * KIB, "value")],
    "many": [(f"pair-{number}", f"value {number}") for number in range(80)],
    "repeated": [("repeated", f"value {number}") for number in range(50)],
    "binary": [("all-bin", EVERY_BYTE), ("empty-bin", b""), ("long-bin", EVERY_BYTE * 16), ("all-bin", EVERY_BYTE)],
    "every-character": [("characters", "".join(map(chr, range(0x20, 0x7F))).strip())],
}


@pytest.mark.parametrize("kind", METADATA)
def test_metadata_of_every_kind_leaves_a_call_as_it_is(mine: Cache, kind: str) -> None:
    other = mine.another()
    mine.replies(mine.set(b"mine"), other.set(b"the other's"))
    for _ in range(3):  # what came once is a reference the next time
        found = mine.values(*(cache.get(metadata=METADATA[kind]) for cache in (mine, other)))
        assert found == [b"mine", b"the other's"]


def test_metadata_that_never_comes_twice_pushes_the_rest_out_of_the_table(mine: Cache) -> None:
    mine.replies(mine.set(b"mine"))
    calls = [mine.get(metadata=[(f"name-{number}", f"value {number}")]) for number in range(500)]
    assert mine.values(*calls) == [b"mine"] * 500


def test_too_much_metadata_fails_its_call_and_no_other(mine: Cache) -> None:
    mine.replies(mine.set(b"mine"))
    refused, served = mine.outcomes(mine.get(metadata=[("long", "v" * 20 * KIB)]), mine.get())
    # Some clients know by themselves what the server takes.
    assert refused.code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL)
    assert served.code == OK
    mine.assert_works()


# Calls that end early


def test_a_deadline_ends_its_call_and_no_other(mine: Cache) -> None:
    mine.replies(mine.set(b"mine"))
    ended, served = mine.outcomes(mine.subscribe(timeout_ms=200), mine.get())
    assert ended.code == grpc.StatusCode.DEADLINE_EXCEEDED
    assert served.code == OK
    mine.assert_works()


def test_streams_that_are_cancelled_half_way_give_back_what_they_held(mine: Cache) -> None:
    keys = [f"stream-{number}".encode() for number in range(100)]
    mine.replies(*(mine.set(key * 1000, key) for key in keys))
    # Together far more than any window.
    outcomes = mine.outcomes(*[mine.get_batch(keys * 10, cancel_after=3)] * 50)
    assert {outcome.code for outcome in outcomes} <= {CANCELLED, OK}
    assert all(len(outcome.replies) >= 3 for outcome in outcomes)
    assert mine.values(mine.get_batch(keys)) == [key * 1000 for key in keys]
    mine.assert_works()


def test_a_server_that_ends_is_left_for_the_next_one(start_cache: Callable[..., Cache]) -> None:
    cache = start_cache()
    cache.assert_works()
    cache.server.stop()
    after = start_cache("--listen", cache.server.address)
    assert after.server.address == cache.server.address
    after.assert_works()
