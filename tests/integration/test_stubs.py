"""Bare gRPC calls: all that no client library lets through, and what the libraries keep to themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from conftest import CALL_TIMEOUT_S, Server
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from momento_wire_types import cacheclient_pb2 as messages
from momento_wire_types import cacheclient_pb2_grpc as stubs
from momento_wire_types import common_pb2 as conditions
from momento_wire_types import controlclient_pb2 as control_messages
from momento_wire_types import controlclient_pb2_grpc as control_stubs

TTL_MS = 60_000
TTL_LIMIT_MS = 24 * 60 * 60 * 1000
MESSAGE_LIMIT_BYTES = 5_243_000
ITEM_LIMIT_BYTES = 5_000_000
INT64_MAX = 2**63 - 1

Metadata = list[tuple[str, str | bytes]]


@pytest.fixture
def scs(channel: grpc.Channel) -> stubs.ScsStub:
    """Return the data plane."""
    return stubs.ScsStub(channel)


@pytest.fixture
def control(channel: grpc.Channel) -> control_stubs.ScsControlStub:
    """Return the control plane."""
    return control_stubs.ScsControlStub(channel)


def named(cache: str) -> Metadata:
    """Return the metadata that names a cache."""
    return [("cache", cache)]


def answer(method: Any, request: Any, metadata: Metadata | None = None, **settings: Any) -> Any:
    """Make a call; return its response, or all of them if they are a stream."""
    response = method(request, metadata=metadata, timeout=CALL_TIMEOUT_S, **settings)
    return list(response) if isinstance(response, Iterator) else response


def refusal(method: Any, request: Any, metadata: Metadata | None = None, **settings: Any) -> grpc.Call:
    """Make a call that must fail; return how it failed."""
    with pytest.raises(grpc.RpcError) as caught:
        answer(method, request, metadata, **settings)
    error: Any = caught.value
    return error


def cause(error: grpc.Call) -> str | None:
    """Return the precise cause that a failed call carries, if any."""
    return dict(error.trailing_metadata() or ()).get("err")


def set_item(scs: stubs.ScsStub, cache: str, key: bytes, value: bytes, ttl_ms: int = TTL_MS) -> None:
    """Store an item."""
    request = messages._SetRequest(cache_key=key, cache_body=value, ttl_milliseconds=ttl_ms)
    assert answer(scs.Set, request, named(cache)).result == messages.Ok


def get_item(scs: stubs.ScsStub, cache: str, key: bytes) -> bytes | None:
    """Return an item's value, or None where there is none."""
    response = answer(scs.Get, messages._GetRequest(cache_key=key), named(cache))
    assert response.result in (messages.Hit, messages.Miss)
    return response.cache_body if response.result == messages.Hit else None


def listed(control: control_stubs.ScsControlStub) -> dict[str, control_messages._Cache]:
    """Return every cache by name, page after page."""
    found = {}
    request = control_messages._ListCachesRequest()
    while True:
        page = answer(control.ListCaches, request)
        found.update({entry.cache_name: entry for entry in page.cache})
        if page.next_token == "":
            return found
        request.next_token = page.next_token


# One sound request for each method of the data plane. The tests below spoil one thing of it at a time.
REQUESTS: dict[str, Any] = {
    "Get": messages._GetRequest(cache_key=b"k"),
    "GetWithHash": messages._GetWithHashRequest(cache_key=b"k"),
    "GetBatch": messages._GetBatchRequest(items=[messages._GetRequest(cache_key=b"k")]),
    "Set": messages._SetRequest(cache_key=b"k", cache_body=b"v", ttl_milliseconds=TTL_MS),
    "SetBatch": messages._SetBatchRequest(
        items=[messages._SetRequest(cache_key=b"k", cache_body=b"v", ttl_milliseconds=TTL_MS)]
    ),
    "SetIf": messages._SetIfRequest(
        cache_key=b"k", cache_body=b"v", ttl_milliseconds=TTL_MS, absent=conditions.Absent()
    ),
    "SetIfHash": messages._SetIfHashRequest(
        cache_key=b"k", cache_body=b"v", ttl_milliseconds=TTL_MS, unconditional=conditions.Unconditional()
    ),
    "SetIfNotExists": messages._SetIfNotExistsRequest(cache_key=b"k", cache_body=b"v", ttl_milliseconds=TTL_MS),
    "Delete": messages._DeleteRequest(cache_key=b"k"),
    "KeysExist": messages._KeysExistRequest(cache_keys=[b"k"]),
    "Increment": messages._IncrementRequest(cache_key=b"n", amount=1, ttl_milliseconds=TTL_MS),
    "UpdateTtl": messages._UpdateTtlRequest(cache_key=b"k", overwrite_to_milliseconds=TTL_MS),
    "ItemGetTtl": messages._ItemGetTtlRequest(cache_key=b"k"),
    "ItemGetType": messages._ItemGetTypeRequest(cache_key=b"k"),
}


def spoiled(method: str, **fields: Any) -> Any:
    """Return the method's sound request with some fields changed."""
    request = type(REQUESTS[method])()
    request.CopyFrom(REQUESTS[method])
    for name, value in fields.items():
        setattr(request, name, value)
    return request


@pytest.mark.parametrize("method", REQUESTS)
def test_every_method_answers_a_sound_request(method: str, scs: stubs.ScsStub, cache: str) -> None:
    answer(getattr(scs, method), REQUESTS[method], named(cache))


# Caches


@pytest.mark.parametrize("method", REQUESTS)
def test_a_call_must_name_its_cache(method: str, scs: stubs.ScsStub) -> None:
    assert refusal(getattr(scs, method), REQUESTS[method]).code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("method", ["Get", "Set", "Delete"])
def test_the_empty_name_is_no_cache(method: str, scs: stubs.ScsStub) -> None:
    error = refusal(getattr(scs, method), REQUESTS[method], named(""))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("method", REQUESTS)
def test_a_cache_that_nobody_made_is_not_found(method: str, scs: stubs.ScsStub) -> None:
    error = refusal(getattr(scs, method), REQUESTS[method], named("nobody-made-this"))
    assert error.code() == grpc.StatusCode.NOT_FOUND
    assert cause(error) is None


def test_a_cache_can_be_made_once(control: control_stubs.ScsControlStub, cache: str) -> None:
    error = refusal(control.CreateCache, control_messages._CreateCacheRequest(cache_name=cache))
    assert error.code() == grpc.StatusCode.ALREADY_EXISTS


@pytest.mark.parametrize("method", ["CreateCache", "DeleteCache", "FlushCache"])
def test_a_control_call_must_name_a_cache(method: str, control: control_stubs.ScsControlStub) -> None:
    request = getattr(control_messages, f"_{method}Request")()
    assert refusal(getattr(control, method), request).code() == grpc.StatusCode.INVALID_ARGUMENT


# As bytes, since no client library would send most of them. A text in protobuf is UTF-8.
@pytest.mark.parametrize("name", [b"a\x00b", b"\xff", b"n" * 256, b" a", b"a "],
                         ids=["zero-byte", "not-utf-8", "too-long", "begins-with-a-space", "ends-with-a-space"])
def test_not_every_text_is_a_name(name: bytes, start_server: Callable[..., Server]) -> None:
    with grpc.insecure_channel(start_server().address) as channel:
        create = channel.unary_unary("/control_client.ScsControl/CreateCache")
        # On the wire a field of text is one of bytes, and here both are field 1.
        message = messages._GetRequest(cache_key=name).SerializeToString()
        assert refusal(create, message).code() == grpc.StatusCode.INVALID_ARGUMENT
        assert listed(control_stubs.ScsControlStub(channel)) == {}


@pytest.mark.parametrize("method", ["DeleteCache", "FlushCache"])
def test_only_a_cache_that_is_there_can_be_deleted_or_flushed(
    method: str, control: control_stubs.ScsControlStub
) -> None:
    request = getattr(control_messages, f"_{method}Request")(cache_name="nobody-made-this")
    error = refusal(getattr(control, method), request)
    assert error.code() == grpc.StatusCode.NOT_FOUND
    assert cause(error) is None


def test_a_cache_made_again_is_another_cache(scs: stubs.ScsStub, control: control_stubs.ScsControlStub) -> None:
    create = control_messages._CreateCacheRequest(cache_name="made-again")
    delete = control_messages._DeleteCacheRequest(cache_name="made-again")
    answer(control.CreateCache, create)
    set_item(scs, "made-again", b"k", b"v")
    answer(control.DeleteCache, delete)
    error = refusal(scs.Get, REQUESTS["Get"], named("made-again"))
    assert error.code() == grpc.StatusCode.NOT_FOUND
    answer(control.CreateCache, create)
    assert get_item(scs, "made-again", b"k") is None
    answer(control.DeleteCache, delete)


def test_a_flushed_cache_is_empty_and_still_there(
    scs: stubs.ScsStub, control: control_stubs.ScsControlStub, cache: str
) -> None:
    set_item(scs, cache, b"k", b"v")
    answer(control.FlushCache, control_messages._FlushCacheRequest(cache_name=cache))
    assert get_item(scs, cache, b"k") is None


def test_caches_are_listed_with_their_limits(control: control_stubs.ScsControlStub, cache: str) -> None:
    limits = listed(control)[cache].cache_limits
    assert limits.max_ttl_seconds * 1000 == TTL_LIMIT_MS
    assert limits.max_item_size_kb == math.ceil(ITEM_LIMIT_BYTES / 1024)


# Arguments


@pytest.mark.parametrize("method", [name for name in REQUESTS if hasattr(REQUESTS[name], "cache_key")])
def test_a_key_may_not_be_empty(method: str, scs: stubs.ScsStub, cache: str) -> None:
    error = refusal(getattr(scs, method), spoiled(method, cache_key=b""), named(cache))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_no_key_among_many_may_be_empty(scs: stubs.ScsStub, cache: str) -> None:
    request = messages._KeysExistRequest(cache_keys=[b"k", b""])
    error = refusal(scs.KeysExist, request, named(cache))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "`cache_keys`" in error.details()


# The methods that take a TTL, and the fields that carry it.
TTL_FIELDS = [
    ("Set", "ttl_milliseconds"),
    ("SetIf", "ttl_milliseconds"),
    ("SetIfHash", "ttl_milliseconds"),
    ("SetIfNotExists", "ttl_milliseconds"),
    ("Increment", "ttl_milliseconds"),
    ("UpdateTtl", "overwrite_to_milliseconds"),
    ("UpdateTtl", "increase_to_milliseconds"),
    ("UpdateTtl", "decrease_to_milliseconds"),
]


@pytest.mark.parametrize(("method", "field"), TTL_FIELDS)
@pytest.mark.parametrize("ttl_ms", [0, TTL_LIMIT_MS + 1, 2**64 - 1])
def test_a_ttl_must_be_within_its_limits(method: str, field: str, ttl_ms: int, scs: stubs.ScsStub, cache: str) -> None:
    error = refusal(getattr(scs, method), spoiled(method, **{field: ttl_ms}), named(cache))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(("method", "field"), TTL_FIELDS)
@pytest.mark.parametrize("ttl_ms", [1, TTL_LIMIT_MS])
def test_a_ttl_may_reach_its_limits(method: str, field: str, ttl_ms: int, scs: stubs.ScsStub, cache: str) -> None:
    answer(getattr(scs, method), spoiled(method, **{field: ttl_ms}), named(cache))


@pytest.mark.parametrize(
    ("method", "oneof"), [("SetIf", "condition"), ("SetIfHash", "condition"), ("UpdateTtl", "update_ttl")]
)
def test_one_of_the_choices_must_be_made(method: str, oneof: str, scs: stubs.ScsStub, cache: str) -> None:
    request = spoiled(method)
    request.ClearField(request.WhichOneof(oneof))
    assert refusal(getattr(scs, method), request, named(cache)).code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "path",
    [
        "cache_client.Scs/Get",
        "cache_client.Scs/Set",
        "cache_client.Scs/Delete",
        "control_client.ScsControl/CreateCache",
    ],
)
def test_a_message_that_is_no_message_is_refused(path: str, channel: grpc.Channel, cache: str) -> None:
    method = channel.unary_unary(f"/{path}")
    assert refusal(method, b"\x0a\xff", named(cache)).code() == grpc.StatusCode.INVALID_ARGUMENT


def test_metadata_that_nobody_knows_is_ignored(scs: stubs.ScsStub, cache: str) -> None:
    metadata: Metadata = [
        *named(cache),
        ("authorization", "anything"),
        ("agent", "test:1.0"),
        ("x-unknown", "value"),
        ("x-unknown-bin", bytes(range(256))),
    ]
    assert answer(scs.Get, REQUESTS["Get"], metadata).result == messages.Miss


# Items


@pytest.mark.parametrize("value", [b"", b"v", bytes(range(256)), b"x" * 1_000_000], ids=len)
def test_a_value_comes_back_as_it_was_stored(value: bytes, scs: stubs.ScsStub, cache: str) -> None:
    key = bytes(range(256))
    set_item(scs, cache, key, value)
    assert get_item(scs, cache, key) == value


def test_batches_answer_in_the_order_asked(scs: stubs.ScsStub, cache: str) -> None:
    items = [
        messages._SetRequest(cache_key=b"%d" % i, cache_body=b"v%d" % i, ttl_milliseconds=TTL_MS) for i in range(50)
    ]
    stored = answer(scs.SetBatch, messages._SetBatchRequest(items=items), named(cache))
    assert [response.result for response in stored] == [messages.Ok] * 50

    asked = [messages._GetRequest(cache_key=b"%d" % i) for i in range(99, -1, -1)]
    found = answer(scs.GetBatch, messages._GetBatchRequest(items=asked), named(cache))
    assert [response.cache_body for response in found] == [b""] * 50 + [b"v%d" % i for i in range(49, -1, -1)]
    assert [response.result for response in found] == [messages.Miss] * 50 + [messages.Hit] * 50


def test_set_if_not_exists_keeps_what_is_there(scs: stubs.ScsStub, cache: str) -> None:
    first = answer(scs.SetIfNotExists, spoiled("SetIfNotExists", cache_body=b"first"), named(cache))
    second = answer(scs.SetIfNotExists, spoiled("SetIfNotExists", cache_body=b"second"), named(cache))
    assert (first.WhichOneof("result"), second.WhichOneof("result")) == ("stored", "not_stored")
    assert get_item(scs, cache, b"k") == b"first"


def test_a_key_can_be_incremented_from_nothing(scs: stubs.ScsStub, cache: str) -> None:
    assert answer(scs.Increment, spoiled("Increment", amount=-5), named(cache)).value == -5
    assert get_item(scs, cache, b"n") == b"-5"


@pytest.mark.parametrize("value", [b"", b"abc", b"1.5", b"12abc", b"99999999999999999999", b"\x00"])
def test_only_an_integer_can_be_incremented(value: bytes, scs: stubs.ScsStub, cache: str) -> None:
    set_item(scs, cache, b"n", value)
    error = refusal(scs.Increment, REQUESTS["Increment"], named(cache))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert get_item(scs, cache, b"n") == value


@pytest.mark.parametrize(("start", "amount"), [(INT64_MAX, 1), (-INT64_MAX - 1, -1)])
def test_a_sum_beyond_64_bits_is_refused(start: int, amount: int, scs: stubs.ScsStub, cache: str) -> None:
    assert answer(scs.Increment, spoiled("Increment", amount=start), named(cache)).value == start
    error = refusal(scs.Increment, spoiled("Increment", amount=amount), named(cache))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert get_item(scs, cache, b"n") == b"%d" % start


# Limits


def test_the_largest_item_is_stored(scs: stubs.ScsStub, cache: str) -> None:
    value = b"v" * (ITEM_LIMIT_BYTES - 1)
    set_item(scs, cache, b"k", value)
    assert get_item(scs, cache, b"k") == value


@pytest.mark.parametrize("method", ["Set", "SetIf", "SetIfHash", "SetIfNotExists"])
def test_a_larger_item_is_refused(method: str, scs: stubs.ScsStub, cache: str) -> None:
    error = refusal(getattr(scs, method), spoiled(method, cache_body=b"v" * ITEM_LIMIT_BYTES), named(cache))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert cause(error) == "item_size_limit_exceeded"
    assert "`cache_body`" in error.details()


def test_a_larger_key_to_increment_is_refused(scs: stubs.ScsStub, cache: str) -> None:
    error = refusal(scs.Increment, spoiled("Increment", cache_key=b"k" * (ITEM_LIMIT_BYTES + 1)), named(cache))
    assert cause(error) == "item_size_limit_exceeded"
    assert "`cache_key`" in error.details()


@pytest.mark.parametrize(
    ("method", "request_", "name"),
    [
        ("GetBatch", messages._GetBatchRequest(items=[messages._GetRequest()] * 100_001), "items"),
        ("SetBatch", messages._SetBatchRequest(items=[messages._SetRequest()] * 100_001), "items"),
        ("KeysExist", messages._KeysExistRequest(cache_keys=[b""] * 100_001), "cache_keys"),
    ],
    ids=["GetBatch", "SetBatch", "KeysExist"],
)
def test_a_batch_has_only_so_many_entries(
    method: str, request_: Any, name: str, scs: stubs.ScsStub, cache: str
) -> None:
    error = refusal(getattr(scs, method), request_, named(cache))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert f"`{name}`" in error.details()


def test_a_message_over_the_limit_is_refused_and_the_connection_lives_on(scs: stubs.ScsStub, cache: str) -> None:
    error = refusal(scs.Set, spoiled("Set", cache_body=b"v" * MESSAGE_LIMIT_BYTES), named(cache))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert cause(error) == "request_size_limit_exceeded"
    assert get_item(scs, cache, b"k") is None


def test_more_calls_than_streams_are_all_answered(scs: stubs.ScsStub, cache: str) -> None:
    set_item(scs, cache, b"k", b"v")
    calls = [scs.Get.future(REQUESTS["Get"], metadata=named(cache), timeout=CALL_TIMEOUT_S) for _ in range(1000)]
    assert {call.result().cache_body for call in calls} == {b"v"}


def test_connections_side_by_side_see_one_cache(server: Server, cache: str) -> None:
    def increment(_: int) -> None:
        # A subchannel pool of its own makes it a connection of its own.
        with grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            for _ in range(50):
                answer(stubs.ScsStub(channel).Increment, REQUESTS["Increment"], named(cache))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(8)))
    with grpc.insecure_channel(server.address) as channel:
        assert get_item(stubs.ScsStub(channel), cache, b"n") == b"400"


# Calls


@pytest.mark.parametrize("path", ["cache_client.Scs/Dance", "cache_client.Dance/Get", "nothing"])
def test_a_method_that_nobody_knows_is_unimplemented(path: str, channel: grpc.Channel, cache: str) -> None:
    error = refusal(channel.unary_unary(f"/{path}"), b"", named(cache))
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED


def test_every_published_method_is_served(channel: grpc.Channel, cache: str) -> None:
    refused = {}
    for method in messages.DESCRIPTOR.services_by_name["Scs"].methods:
        try:
            answer(channel.unary_stream(f"/cache_client.Scs/{method.name}"), b"", named(cache))
        except grpc.RpcError as error:
            refused[method.name] = error.code()
    assert len(refused) > 0
    assert set(refused.values()) == {grpc.StatusCode.INVALID_ARGUMENT}, refused


def test_a_compressed_message_is_unimplemented(scs: stubs.ScsStub, cache: str) -> None:
    request = spoiled("Set", cache_body=b"v" * 10_000)
    error = refusal(scs.Set, request, named(cache), compression=grpc.Compression.Gzip)
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    assert get_item(scs, cache, b"k") is None


def test_ping_answers(channel: grpc.Channel) -> None:
    assert answer(channel.unary_unary("/cache_client.Ping/Ping"), b"") == b""


def test_a_deadline_passes_while_the_server_stands_still(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with grpc.insecure_channel(server.address) as channel:
        ping = channel.unary_unary("/cache_client.Ping/Ping")
        answer(ping, b"")
        server.pause()
        with pytest.raises(grpc.RpcError) as caught:
            ping(b"", timeout=0.2)
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        server.resume()
        assert answer(ping, b"") == b""


def test_a_cancelled_call_leaves_the_connection_in_order(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with grpc.insecure_channel(server.address) as channel:
        ping = channel.unary_unary("/cache_client.Ping/Ping")
        answer(ping, b"")
        server.pause()
        calls = [ping.future(b"", timeout=CALL_TIMEOUT_S) for _ in range(200)]
        for call in calls:
            call.cancel()
        server.resume()
        assert answer(ping, b"") == b""


# Health


@pytest.mark.parametrize("service", ["", "cache_client.Scs", "control_client.ScsControl", "cache_client.Ping"])
def test_health_says_that_every_service_serves(service: str, channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    response = answer(health.Check, health_pb2.HealthCheckRequest(service=service))
    assert response.status == health_pb2.HealthCheckResponse.SERVING


def test_health_of_an_unknown_service_is_not_found(channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    error = refusal(health.Check, health_pb2.HealthCheckRequest(service="unknown"))
    assert error.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("service", "status"),
    [
        ("", health_pb2.HealthCheckResponse.SERVING),
        ("cache_client.Scs", health_pb2.HealthCheckResponse.SERVING),
        ("unknown", health_pb2.HealthCheckResponse.SERVICE_UNKNOWN),
    ],
)
def test_a_watch_begins_with_the_state_that_is(service: str, status: int, channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    watch = health.Watch(health_pb2.HealthCheckRequest(service=service), timeout=CALL_TIMEOUT_S)
    assert next(watch).status == status
    watch.cancel()


def test_a_watch_does_not_keep_the_server_from_ending(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with grpc.insecure_channel(server.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        server.stop()
        with pytest.raises(grpc.RpcError):
            while True:
                assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING


# Reflection


def test_reflection_lists_every_service(channel: grpc.Channel, contract: FileDescriptorSet) -> None:
    expected = {f"{file.package}.{service.name}" for file in contract.file for service in file.service}
    assert set(ProtoReflectionDescriptorDatabase(channel).get_services()) == expected


def test_reflection_gives_every_file_as_it_was_compiled(channel: grpc.Channel, contract: FileDescriptorSet) -> None:
    database = ProtoReflectionDescriptorDatabase(channel)
    for file in contract.file:
        assert database.FindFileByName(file.name) == file


def test_a_tool_can_build_a_method_from_reflection_alone(channel: grpc.Channel) -> None:
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    method = pool.FindServiceByName("cache_client.Scs").FindMethodByName("SetIf")
    condition = method.input_type.fields_by_name["present"].message_type
    assert condition.full_name == "common.Present"


@pytest.mark.parametrize(
    "symbol", ["cache_client.Scs.Get", "cache_client._GetRequest", "cache_client._GetWithHashResponse._Found"]
)
@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_finds_the_file_of_a_symbol(version: str, symbol: str, channel: grpc.Channel) -> None:
    response = reflect(channel, version, reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol))
    assert response.original_request.file_containing_symbol == symbol
    files = [FileDescriptorProto.FromString(file) for file in response.file_descriptor_response.file_descriptor_proto]
    assert "cacheclient.proto" in [file.name for file in files]


@pytest.mark.parametrize(
    "request_",
    [
        reflection_pb2.ServerReflectionRequest(file_by_filename="nothing.proto"),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="cache_client.Nothing"),
        reflection_pb2.ServerReflectionRequest(
            file_containing_extension=reflection_pb2.ExtensionRequest(
                containing_type="cache_client._GetRequest", extension_number=100
            )
        ),
    ],
    ids=lambda request: request.WhichOneof("message_request"),
)
@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_says_what_it_does_not_find(
    version: str, request_: reflection_pb2.ServerReflectionRequest, channel: grpc.Channel
) -> None:
    response = reflect(channel, version, request_)
    assert response.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def reflect(
    channel: grpc.Channel, version: str, request: reflection_pb2.ServerReflectionRequest
) -> reflection_pb2.ServerReflectionResponse:
    """Ask one question of a version of the protocol; both have the same messages."""
    method = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    responses = list(method(iter([request]), timeout=CALL_TIMEOUT_S))
    assert len(responses) == 1
    return responses[0]
