"""Collections by bare gRPC calls: every method, what it answers for what is missing, and everything it must refuse."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import grpc
import pytest
from conftest import CALL_TIMEOUT_S, Server
from momento_wire_types import cacheclient_pb2 as messages
from momento_wire_types import cacheclient_pb2_grpc as stubs
from momento_wire_types import common_pb2 as common
from momento_wire_types import controlclient_pb2 as control_messages
from momento_wire_types import controlclient_pb2_grpc as control_stubs

TTL_MS = 60_000
TTL_LIMIT_MS = 24 * 60 * 60 * 1000
ELEMENT_LIMIT_BYTES = 128 * 1024
ITEM_LIMIT_BYTES = 5_000_000
INT64_MAX = 2**63 - 1
UNBOUNDED = common._Unbounded()
NAN = math.nan

Call = Callable[..., Any]
Refuse = Callable[..., grpc.Call]


@pytest.fixture
def call(channel: grpc.Channel, cache: str) -> Call:
    """Return a function that makes a call on the test's own cache, by name of the method."""
    scs = stubs.ScsStub(channel)

    def make(method: str, request: Any = None, **fields: Any) -> Any:
        request = request if request is not None else sound(method, **fields)
        return getattr(scs, method)(request, metadata=[("cache", cache)], timeout=CALL_TIMEOUT_S)

    return make


@pytest.fixture
def refuse(call: Call) -> Refuse:
    """Return a function that makes a call that must fail, and returns how it failed."""

    def make(method: str, request: Any = None, **fields: Any) -> grpc.Call:
        with pytest.raises(grpc.RpcError) as caught:
            call(method, request, **fields)
        error: Any = caught.value
        return error

    return make


def cause(error: grpc.Call) -> str | None:
    """Return the precise cause that a failed call carries, if any."""
    return dict(error.trailing_metadata() or ()).get("err")


def pair(field: bytes, value: bytes) -> messages._DictionaryFieldValuePair:
    """Return a field of a dictionary."""
    return messages._DictionaryFieldValuePair(field=field, value=value)


def pairs(**values: str) -> list[messages._DictionaryFieldValuePair]:
    """Return fields of a dictionary."""
    return [pair(name.encode(), value.encode()) for name, value in values.items()]


def scored(**scores: float) -> list[messages._SortedSetElement]:
    """Return elements of a sorted set."""
    return [messages._SortedSetElement(value=name.encode(), score=score) for name, score in scores.items()]


def by_index(start: int | None = None, end: int | None = None) -> messages._SortedSetFetchRequest._ByIndex:
    """Return a slice of a sorted set."""
    bounds = messages._SortedSetFetchRequest._ByIndex()
    if start is not None:
        bounds.inclusive_start_index = start
    if end is not None:
        bounds.exclusive_end_index = end
    return bounds


def bound(score: float, exclusive: bool = False) -> messages._SortedSetFetchRequest._ByScore._Score:
    """Return one end of a range of scores."""
    return messages._SortedSetFetchRequest._ByScore._Score(score=score, exclusive=exclusive)


def by_score(offset: int = 0, count: int = -1, **bounds: Any) -> messages._SortedSetFetchRequest._ByScore:
    """Return a range of scores."""
    return messages._SortedSetFetchRequest._ByScore(offset=offset, count=count, **bounds)


def some(request: Any, **fields: Any) -> Any:
    """Return the message `some` of a request, whatever it is named."""
    return request().some.__class__(**fields)


DIFFERENCE = messages._SetDifferenceRequest
DICTIONARY_DELETE = messages._DictionaryDeleteRequest
LIST_ERASE = messages._ListEraseRequest
SORTED_SET_REMOVE = messages._SortedSetRemoveRequest


def minus(*elements: bytes) -> messages._SetDifferenceRequest._Subtrahend:
    """Return what takes elements out of a set."""
    return DIFFERENCE._Subtrahend(set=DIFFERENCE._Subtrahend._Set(elements=elements))


def source(name: bytes, weight: float = 1) -> messages._SortedSetUnionStoreRequest._Source:
    """Return a source of a union."""
    return messages._SortedSetUnionStoreRequest._Source(set_name=name, weight=weight)


# One sound request for each method on collections. The tests below change one thing of it at a time.
SOUND: dict[str, dict[str, Any]] = {
    "DictionaryGet": {"dictionary_name": b"d", "fields": [b"f"]},
    "DictionaryFetch": {"dictionary_name": b"d"},
    "DictionarySet": {"dictionary_name": b"d", "items": pairs(f="v"), "ttl_milliseconds": TTL_MS},
    "DictionaryIncrement": {"dictionary_name": b"d", "field": b"n", "amount": 1, "ttl_milliseconds": TTL_MS},
    "DictionaryDelete": {"dictionary_name": b"d", "all": messages._DictionaryDeleteRequest.All()},
    "DictionaryLength": {"dictionary_name": b"d"},
    "SetFetch": {"set_name": b"s"},
    "SetSample": {"set_name": b"s", "limit": 1},
    "SetUnion": {"set_name": b"s", "elements": [b"e"], "ttl_milliseconds": TTL_MS},
    "SetDifference": {"set_name": b"s", "subtrahend": minus(b"e")},
    "SetContains": {"set_name": b"s", "elements": [b"e"]},
    "SetLength": {"set_name": b"s"},
    "SetPop": {"set_name": b"s", "count": 1},
    "ListPushFront": {"list_name": b"l", "value": b"v", "ttl_milliseconds": TTL_MS},
    "ListPushBack": {"list_name": b"l", "value": b"v", "ttl_milliseconds": TTL_MS},
    "ListPopFront": {"list_name": b"l"},
    "ListPopBack": {"list_name": b"l"},
    "ListErase": {"list_name": b"l", "all": messages._ListEraseRequest._All()},
    "ListRemove": {"list_name": b"l", "all_elements_with_value": b"v"},
    "ListFetch": {"list_name": b"l"},
    "ListLength": {"list_name": b"l"},
    "ListConcatenateFront": {"list_name": b"l", "values": [b"v"], "ttl_milliseconds": TTL_MS},
    "ListConcatenateBack": {"list_name": b"l", "values": [b"v"], "ttl_milliseconds": TTL_MS},
    "ListRetain": {"list_name": b"l", "ttl_milliseconds": TTL_MS},
    "SortedSetPut": {"set_name": b"z", "elements": scored(e=1), "ttl_milliseconds": TTL_MS},
    "SortedSetFetch": {"set_name": b"z", "by_index": by_index(), "with_scores": True},
    "SortedSetGetScore": {"set_name": b"z", "values": [b"e"]},
    "SortedSetRemove": {"set_name": b"z", "all": messages._SortedSetRemoveRequest._All()},
    "SortedSetIncrement": {"set_name": b"z", "value": b"e", "amount": 1, "ttl_milliseconds": TTL_MS},
    "SortedSetGetRank": {"set_name": b"z", "value": b"e"},
    "SortedSetLength": {"set_name": b"z"},
    "SortedSetLengthByScore": {"set_name": b"z"},
    "SortedSetUnionStore": {"set_name": b"z", "sources": [source(b"z")], "ttl_milliseconds": TTL_MS},
}
WITH_TTL = [method for method, fields in SOUND.items() if "ttl_milliseconds" in fields]
WITH_REFRESH = [method for method in WITH_TTL if method != "SortedSetUnionStore"]
CREATING = [method for method in WITH_REFRESH if method != "ListRetain"]
# What says so with `missing`; the others answer with nothing, or with a length of zero.
TELL_MISSING = [
    method
    for method in SOUND
    if method not in {*CREATING, "DictionaryDelete", "SortedSetRemove", "SortedSetUnionStore", "SortedSetGetRank"}
]


def name_field(method: str) -> str:
    """Return the field that names the collection."""
    return next(field for field in SOUND[method] if field.endswith("_name"))


def sound(method: str, **fields: Any) -> Any:
    """Return the method's sound request with some fields changed; None leaves one out."""
    merged = {**SOUND[method], **fields}
    return getattr(messages, f"_{method}Request")(
        **{name: value for name, value in merged.items() if value is not None}
    )


def ttl_of(call: Call, key: bytes) -> int:
    """Return what remains of a collection's time to live, in milliseconds."""
    return call("ItemGetTtl", messages._ItemGetTtlRequest(cache_key=key)).found.remaining_ttl_millis


def exists(call: Call, key: bytes) -> bool:
    """Return whether there is an item of this key."""
    return call("KeysExist", messages._KeysExistRequest(cache_keys=[key])).exists[0]


def set_scalar(call: Call, key: bytes, value: bytes = b"scalar") -> None:
    """Store an item that is no collection."""
    call("Set", messages._SetRequest(cache_key=key, cache_body=value, ttl_milliseconds=TTL_MS))


# All methods alike


@pytest.mark.parametrize("method", SOUND)
def test_every_method_answers_a_sound_request(method: str, call: Call) -> None:
    call(method)


@pytest.mark.parametrize("method", TELL_MISSING)
def test_a_collection_that_is_not_there_is_missing(method: str, call: Call) -> None:
    assert call(method).HasField("missing")
    assert not exists(call, SOUND[method][name_field(method)])


@pytest.mark.parametrize("method", SOUND)
def test_a_collection_has_a_name(method: str, refuse: Refuse) -> None:
    error = refuse(method, **{name_field(method): b""})
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert name_field(method) in error.details()


@pytest.mark.parametrize("method", SOUND)
def test_the_cache_must_be_there(method: str, channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        getattr(stubs.ScsStub(channel), method)(
            sound(method), metadata=[("cache", "nobody-made-this")], timeout=CALL_TIMEOUT_S
        )
    error: Any = caught.value
    assert error.code() == grpc.StatusCode.NOT_FOUND
    assert cause(error) is None


@pytest.mark.parametrize("method", SOUND)
def test_a_message_cut_short_is_refused(method: str, channel: grpc.Channel, cache: str) -> None:
    send = channel.unary_unary(f"/cache_client.Scs/{method}")
    request = sound(method).SerializeToString() + b"\x0a\x05"
    with pytest.raises(grpc.RpcError) as caught:
        send(request, metadata=[("cache", cache)], timeout=CALL_TIMEOUT_S)
    error: Any = caught.value
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("method", WITH_TTL)
@pytest.mark.parametrize("ttl_ms", [0, TTL_LIMIT_MS + 1, 2**64 - 1])
def test_a_ttl_is_above_zero_and_within_the_limit(method: str, ttl_ms: int, call: Call, refuse: Refuse) -> None:
    error = refuse(method, ttl_milliseconds=ttl_ms)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "ttl_milliseconds" in error.details()
    assert not exists(call, SOUND[method][name_field(method)])


@pytest.mark.parametrize("method", SOUND)
def test_a_key_of_another_type_is_refused_and_kept(method: str, call: Call, refuse: Refuse) -> None:
    key = SOUND[method][name_field(method)]
    set_scalar(call, key)
    error = refuse(method)
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert call("Get", messages._GetRequest(cache_key=key)).cache_body == b"scalar"


LENGTH_OF = {
    "DictionarySet": "DictionaryLength",
    "SetUnion": "SetLength",
    "ListConcatenateFront": "ListLength",
    "ListConcatenateBack": "ListLength",
    "SortedSetPut": "SortedSetLength",
}


@pytest.mark.parametrize(
    ("method", "field"),
    [
        ("DictionarySet", "items"),
        ("SetUnion", "elements"),
        ("ListConcatenateFront", "values"),
        ("ListConcatenateBack", "values"),
        ("SortedSetPut", "elements"),
    ],
)
def test_a_write_of_nothing_adds_nothing_and_refreshes_the_ttl_if_asked(
    method: str, field: str, call: Call, refuse: Refuse
) -> None:
    key = SOUND[method][name_field(method)]
    call(method, **{field: []})
    assert not exists(call, key)
    call(method)
    before = call(LENGTH_OF[method])
    call(method, **{field: []}, ttl_milliseconds=100 * TTL_MS)
    assert ttl_of(call, key) <= TTL_MS
    call(method, **{field: []}, ttl_milliseconds=100 * TTL_MS, refresh_ttl=True)
    assert ttl_of(call, key) > 99 * TTL_MS
    assert call(LENGTH_OF[method]) == before
    set_scalar(call, key)
    assert refuse(method, **{field: []}).code() == grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.parametrize("method", CREATING)
def test_a_ttl_is_kept_unless_it_is_to_be_refreshed(method: str, call: Call) -> None:
    key = SOUND[method][name_field(method)]
    call(method, ttl_milliseconds=TTL_MS)
    assert TTL_MS // 2 < ttl_of(call, key) <= TTL_MS
    call(method, ttl_milliseconds=100 * TTL_MS)
    assert ttl_of(call, key) <= TTL_MS
    call(method, ttl_milliseconds=100 * TTL_MS, refresh_ttl=True)
    assert 99 * TTL_MS < ttl_of(call, key) <= 100 * TTL_MS


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("DictionarySet", "DICTIONARY"),
        ("SetUnion", "SET"),
        ("ListPushBack", "LIST"),
        ("SortedSetPut", "SORTED_SET"),
    ],
)
def test_an_item_tells_its_type(method: str, kind: str, call: Call) -> None:
    call(method)
    request = messages._ItemGetTypeRequest(cache_key=SOUND[method][name_field(method)])
    response = call("ItemGetType", request)
    assert response.found.item_type == messages._ItemGetTypeResponse.ItemType.Value(kind)


LARGE = b"x" * ELEMENT_LIMIT_BYTES
OVERSIZED: list[tuple[str, dict[str, Any], str]] = [
    ("DictionarySet", {"items": [*pairs(small="v"), pair(b"f", LARGE)]}, "items"),
    ("DictionarySet", {"items": [pair(LARGE, b"v")]}, "items"),
    ("DictionaryIncrement", {"field": LARGE + b"x"}, "field"),
    ("DictionaryGet", {"fields": [b"small", LARGE + b"x"]}, "fields"),
    ("DictionaryDelete", {"all": None, "some": some(DICTIONARY_DELETE, fields=[LARGE + b"x"])}, "fields"),
    ("SetUnion", {"elements": [b"small", LARGE + b"x"]}, "elements"),
    ("SetContains", {"elements": [LARGE + b"x"]}, "elements"),
    ("SetDifference", {"subtrahend": None, "minuend": DIFFERENCE._Minuend(elements=[LARGE + b"x"])}, "elements"),
    ("SetDifference", {"subtrahend": minus(LARGE + b"x")}, "elements"),
    ("ListPushFront", {"value": LARGE + b"x"}, "value"),
    ("ListPushBack", {"value": LARGE + b"x"}, "value"),
    ("ListConcatenateFront", {"values": [b"small", LARGE + b"x"]}, "values"),
    ("ListConcatenateBack", {"values": [b"small", LARGE + b"x"]}, "values"),
    ("ListRemove", {"all_elements_with_value": LARGE + b"x"}, "all_elements_with_value"),
    ("SortedSetPut", {"elements": [*scored(small=1), *scored(**{"x" * (ELEMENT_LIMIT_BYTES + 1): 1})]}, "elements"),
    ("SortedSetIncrement", {"value": LARGE + b"x"}, "value"),
    ("SortedSetGetScore", {"values": [LARGE + b"x"]}, "values"),
    ("SortedSetGetRank", {"value": LARGE + b"x"}, "value"),
    ("SortedSetRemove", {"all": None, "some": some(SORTED_SET_REMOVE, values=[LARGE + b"x"])}, "values"),
]


@pytest.mark.parametrize(("method", "fields", "name"), OVERSIZED, ids=[method for method, _, _ in OVERSIZED])
def test_an_element_over_the_limit_is_refused(
    method: str, fields: dict[str, Any], name: str, call: Call, refuse: Refuse
) -> None:
    error = refuse(method, **fields)
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert cause(error) == "element_size_limit_exceeded"
    assert f"`{name}`" in error.details()
    assert not exists(call, SOUND[method][name_field(method)])


def test_an_element_of_just_the_limit_is_taken(call: Call) -> None:
    call("DictionarySet", items=[pair(b"f", LARGE[1:])])
    call("SetUnion", elements=[LARGE])
    call("ListPushBack", value=LARGE)
    assert call("ListPopBack").found.back == LARGE
    assert call("DictionaryFetch").found.items[0].value == LARGE[1:]
    assert call("SetFetch").found.elements == [LARGE]


@pytest.mark.parametrize("method", ["DictionarySet", "SetLength", "ListPushBack", "SortedSetPut"])
def test_a_name_over_the_limit_of_items_is_refused(method: str, refuse: Refuse) -> None:
    error = refuse(method, **{name_field(method): b"n" * (ITEM_LIMIT_BYTES + 1)})
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert cause(error) == "item_size_limit_exceeded"
    assert f"`{name_field(method)}`" in error.details()


def test_the_name_of_a_source_over_the_limit_of_items_is_refused(refuse: Refuse) -> None:
    error = refuse("SortedSetUnionStore", sources=[source(b"n" * (ITEM_LIMIT_BYTES + 1))])
    assert cause(error) == "item_size_limit_exceeded"
    assert "`sources.set_name`" in error.details()


ENTRIES = 11
MANY: list[tuple[str, dict[str, Any], str]] = [
    ("DictionaryGet", {"fields": [b""] * ENTRIES}, "fields"),
    ("DictionarySet", {"items": [messages._DictionaryFieldValuePair()] * ENTRIES}, "items"),
    ("DictionaryDelete", {"all": None, "some": some(DICTIONARY_DELETE, fields=[b""] * ENTRIES)}, "fields"),
    ("SetUnion", {"elements": [b""] * ENTRIES}, "elements"),
    ("SetDifference", {"subtrahend": None, "minuend": DIFFERENCE._Minuend(elements=[b""] * ENTRIES)}, "elements"),
    ("SetDifference", {"subtrahend": minus(*[b""] * ENTRIES)}, "elements"),
    ("SetContains", {"elements": [b""] * ENTRIES}, "elements"),
    ("ListErase", {"all": None, "some": some(LIST_ERASE, ranges=[messages._ListRange()] * ENTRIES)}, "ranges"),
    ("ListConcatenateFront", {"values": [b""] * ENTRIES}, "values"),
    ("ListConcatenateBack", {"values": [b""] * ENTRIES}, "values"),
    ("SortedSetPut", {"elements": [messages._SortedSetElement()] * ENTRIES}, "elements"),
    ("SortedSetGetScore", {"values": [b""] * ENTRIES}, "values"),
    ("SortedSetRemove", {"all": None, "some": some(SORTED_SET_REMOVE, values=[b""] * ENTRIES)}, "values"),
    ("SortedSetUnionStore", {"sources": [source(b"z")] * ENTRIES}, "sources"),
]


def test_a_call_has_only_so_many_entries(start_server: Callable[..., Server]) -> None:
    with grpc.insecure_channel(start_server("--max-batch", str(ENTRIES - 1), "--cache", "c").address) as channel:
        scs = stubs.ScsStub(channel)
        for method, fields, name in MANY:
            with pytest.raises(grpc.RpcError) as caught:
                getattr(scs, method)(sound(method, **fields), metadata=[("cache", "c")], timeout=CALL_TIMEOUT_S)
            error: Any = caught.value
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, method
            assert f"`{name}`" in error.details(), method


def test_a_union_has_only_so_many_sources(call: Call, refuse: Refuse) -> None:
    call("SortedSetPut", elements=scored(a=1))
    error = refuse("SortedSetUnionStore", sources=[source(b"z")] * 1001)
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "sources" in error.details()
    assert call("SortedSetUnionStore", sources=[source(b"z")] * 1000).length == 1


def test_a_message_that_would_decode_to_millions_of_entries_is_refused(refuse: Refuse) -> None:
    error = refuse("ListConcatenateBack", values=[b""] * 2_000_000)
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "`values`" in error.details()


UNSET = [
    ("DictionaryDelete", {"all": None}, "delete"),
    ("SetDifference", {"subtrahend": None}, "difference"),
    ("SetDifference", {"subtrahend": DIFFERENCE._Subtrahend()}, "subtrahend_set"),
    ("ListErase", {"all": None}, "erase"),
    ("ListRemove", {"all_elements_with_value": None}, "remove"),
    ("SortedSetFetch", {"by_index": None}, "range"),
    ("SortedSetRemove", {"all": None}, "remove_elements"),
]


@pytest.mark.parametrize(("method", "fields", "name"), UNSET, ids=[name for _, _, name in UNSET])
def test_a_choice_must_be_made(method: str, fields: dict[str, Any], name: str, refuse: Refuse) -> None:
    error = refuse(method, **fields)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert name in error.details()


NOT_NUMBERS = [
    ("SortedSetPut", {"elements": [*scored(a=1), *scored(b=NAN)]}, "score"),
    ("SortedSetIncrement", {"amount": NAN}, "amount"),
    ("SortedSetFetch", {"by_index": None, "by_score": by_score(min_score=bound(NAN))}, "min_score"),
    ("SortedSetFetch", {"by_index": None, "by_score": by_score(max_score=bound(NAN))}, "max_score"),
    ("SortedSetLengthByScore", {"inclusive_min": NAN}, "inclusive_min"),
    ("SortedSetLengthByScore", {"exclusive_min": NAN}, "exclusive_min"),
    ("SortedSetLengthByScore", {"inclusive_max": NAN}, "inclusive_max"),
    ("SortedSetLengthByScore", {"exclusive_max": NAN}, "exclusive_max"),
    ("SortedSetUnionStore", {"sources": [source(b"z"), source(b"y", NAN)]}, "weight"),
    ("SortedSetUnionStore", {"sources": [source(b"")]}, "set_name"),
    ("SortedSetUnionStore", {"aggregate": 3}, "aggregate"),
    ("SortedSetFetch", {"order": 2}, "order"),
    ("SortedSetGetRank", {"order": -1}, "order"),
]


@pytest.mark.parametrize(("method", "fields", "name"), NOT_NUMBERS)
def test_what_is_no_number_or_no_choice_is_refused(
    method: str, fields: dict[str, Any], name: str, call: Call, refuse: Refuse
) -> None:
    error = refuse(method, **fields)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert name in error.details()
    assert not exists(call, b"z")


# Dictionaries


def dictionary(call: Call) -> dict[bytes, bytes]:
    """Return all of the dictionary."""
    return {item.field: item.value for item in call("DictionaryFetch").found.items}


def test_dictionary_fields_are_set_replaced_and_fetched(call: Call) -> None:
    call("DictionarySet", items=pairs(a="1", b="2"))
    call("DictionarySet", items=pairs(b="3", c="4"))
    assert dictionary(call) == {b"a": b"1", b"b": b"3", b"c": b"4"}
    assert call("DictionaryLength").found.length == 3


def test_of_a_field_set_twice_in_one_call_the_last_counts(call: Call) -> None:
    call("DictionarySet", items=[*pairs(a="1"), *pairs(a="2")])
    assert dictionary(call) == {b"a": b"2"}


def test_a_dictionary_answers_field_by_field_in_the_order_asked(call: Call) -> None:
    call("DictionarySet", items=[*pairs(a="1"), pair(b"empty", b"")])
    parts = call("DictionaryGet", fields=[b"none", b"a", b"empty", b"a"]).found.items
    hit, miss = messages.Hit, messages.Miss
    assert [(part.result, part.cache_body) for part in parts] == [(miss, b""), (hit, b"1"), (hit, b""), (hit, b"1")]
    assert len(call("DictionaryGet", fields=[]).found.items) == 0


def test_a_dictionary_loses_some_fields_or_all(call: Call) -> None:
    request = messages._DictionaryDeleteRequest
    call("DictionarySet", items=pairs(a="1", b="2", c="3"))
    call("DictionaryDelete", all=None, some=some(request, fields=[b"a", b"none"]))
    assert dictionary(call) == {b"b": b"2", b"c": b"3"}
    call("DictionaryDelete", all=None, some=some(request, fields=[]))
    assert call("DictionaryLength").found.length == 2
    call("DictionaryDelete")
    assert not exists(call, b"d")
    call("DictionaryDelete")


def test_a_dictionary_without_fields_is_gone(call: Call) -> None:
    call("DictionarySet", items=pairs(a="1"))
    call("DictionaryDelete", all=None, some=some(messages._DictionaryDeleteRequest, fields=[b"a"]))
    assert not exists(call, b"d")


def test_a_field_is_incremented(call: Call) -> None:
    assert call("DictionaryIncrement", amount=5).value == 5
    assert call("DictionaryIncrement", amount=-7).value == -2
    assert dictionary(call) == {b"n": b"-2"}
    assert call("DictionaryIncrement", amount=2).value == 0


def test_a_field_that_cannot_be_incremented_is_kept(call: Call, refuse: Refuse) -> None:
    call("DictionarySet", items=[*pairs(n="text"), pair(b"max", str(INT64_MAX).encode())])
    assert refuse("DictionaryIncrement").code() == grpc.StatusCode.FAILED_PRECONDITION
    assert refuse("DictionaryIncrement", field=b"max").code() == grpc.StatusCode.FAILED_PRECONDITION
    assert dictionary(call) == {b"n": b"text", b"max": str(INT64_MAX).encode()}


def test_names_within_collections_may_be_empty(call: Call) -> None:
    call("DictionarySet", items=[pair(b"", b"")])
    call("SetUnion", elements=[b""])
    call("ListPushBack", value=b"")
    call("SortedSetPut", elements=[messages._SortedSetElement()])
    assert dictionary(call) == {b"": b""}
    assert call("SetFetch").found.elements == [b""]
    assert call("ListFetch").found.values == [b""]
    assert fetched(call) == [(b"", 0)]


# Sets


def elements(call: Call) -> set[bytes]:
    """Return all of the set."""
    found = call("SetFetch").found.elements
    assert len(found) == len(set(found))
    return set(found)


def test_a_set_has_each_element_once(call: Call) -> None:
    call("SetUnion", elements=[b"a", b"b", b"a"])
    call("SetUnion", elements=[b"b", b"c"])
    assert elements(call) == {b"a", b"b", b"c"}
    assert call("SetLength").found.length == 3


def test_a_set_answers_in_the_order_asked(call: Call) -> None:
    call("SetUnion", elements=[b"a", b"b"])
    contains = call("SetContains", elements=[b"none", b"a", b"b", b"none", b"a"]).found.contains
    assert contains == [False, True, True, False, True]
    assert call("SetContains", elements=[]).HasField("found")


def test_a_sample_has_no_element_twice_and_takes_none_out(call: Call) -> None:
    everything = {f"e{i}".encode() for i in range(100)}
    call("SetUnion", elements=everything)
    for limit in (0, 1, 50, 100, 1000, 2**64 - 1):
        sample = call("SetSample", limit=limit).found.elements
        assert len(sample) == min(limit, 100)
        assert len(set(sample)) == len(sample)
        assert set(sample) <= everything
    assert elements(call) == everything


def test_what_is_popped_is_out_of_the_set(call: Call) -> None:
    everything = {f"e{i}".encode() for i in range(10)}
    call("SetUnion", elements=everything)
    popped = set(call("SetPop", count=4).found.elements)
    assert len(popped) == 4
    assert elements(call) == everything - popped
    assert set(call("SetPop", count=2**32 - 1).found.elements) == everything - popped
    assert not exists(call, b"s")


def test_elements_are_subtracted(call: Call) -> None:
    call("SetUnion", elements=[b"a", b"b", b"c"])
    assert call("SetDifference", subtrahend=minus(b"a", b"none")).HasField("found")
    assert elements(call) == {b"b", b"c"}
    assert call("SetDifference", subtrahend=minus()).HasField("found")
    assert call("SetDifference", subtrahend=minus(b"b", b"c")).HasField("found")
    assert not exists(call, b"s")


def test_a_set_less_itself_is_gone(call: Call) -> None:
    call("SetUnion", elements=[b"a"])
    identity = DIFFERENCE._Subtrahend(identity=DIFFERENCE._Subtrahend._Identity())
    assert call("SetDifference", subtrahend=identity).HasField("found")
    assert not exists(call, b"s")
    assert call("SetDifference", subtrahend=identity).HasField("missing")


def test_a_set_is_subtracted_from_elements(call: Call) -> None:
    minuend = DIFFERENCE._Minuend(elements=[b"a", b"x", b"y"])
    assert call("SetDifference", subtrahend=None, minuend=minuend).HasField("missing")
    call("SetUnion", elements=[b"a", b"b"])
    assert call("SetDifference", subtrahend=None, minuend=minuend).HasField("found")
    assert elements(call) == {b"x", b"y"}
    call("SetDifference", subtrahend=None, minuend=DIFFERENCE._Minuend(elements=[b"x"]))
    assert not exists(call, b"s")


# Lists


def values(call: Call, **bounds: Any) -> list[bytes]:
    """Return a list's values, or a slice of them."""
    return list(call("ListFetch", **bounds).found.values)


def fill(call: Call, text: str) -> None:
    """Make a list of the letters of a text."""
    call("ListConcatenateBack", values=[letter.encode() for letter in text])


def text(found: Iterable[bytes]) -> str:
    """Return values as one text."""
    return b"".join(found).decode()


def test_values_are_pushed_and_popped_at_both_ends(call: Call) -> None:
    assert call("ListPushBack", value=b"b").list_length == 1
    assert call("ListPushBack", value=b"c").list_length == 2
    assert call("ListPushFront", value=b"a").list_length == 3
    assert text(values(call)) == "abc"
    front = call("ListPopFront").found
    assert (front.front, front.list_length) == (b"a", 2)
    back = call("ListPopBack").found
    assert (back.back, back.list_length) == (b"c", 1)
    last = call("ListPopBack").found
    assert (last.back, last.list_length) == (b"b", 0)
    assert not exists(call, b"l")


def test_what_is_concatenated_keeps_its_order(call: Call) -> None:
    assert call("ListConcatenateFront", values=[b"c", b"d"]).list_length == 2
    assert call("ListConcatenateFront", values=[b"a", b"b"]).list_length == 4
    assert call("ListConcatenateBack", values=[b"e", b"f"]).list_length == 6
    assert text(values(call)) == "abcdef"
    assert call("ListConcatenateBack", values=[]).list_length == 6
    assert call("ListConcatenateBack", list_name=b"none", values=[]).list_length == 0


def test_a_list_is_truncated_at_the_other_end(call: Call) -> None:
    assert call("ListConcatenateBack", values=[b"a", b"b", b"c"], truncate_front_to_size=2).list_length == 2
    assert text(values(call)) == "bc"
    assert call("ListPushBack", value=b"d", truncate_front_to_size=2).list_length == 2
    assert text(values(call)) == "cd"
    assert call("ListPushFront", value=b"x", truncate_back_to_size=2).list_length == 2
    assert text(values(call)) == "xc"
    assert call("ListConcatenateFront", values=[b"1", b"2", b"3"], truncate_back_to_size=4).list_length == 4
    assert text(values(call)) == "123x"
    assert call("ListPushBack", value=b"y", truncate_front_to_size=0).list_length == 5


def test_a_list_is_truncated_though_nothing_is_added(call: Call) -> None:
    fill(call, "abcde")
    assert call("ListConcatenateBack", values=[], truncate_front_to_size=9).list_length == 5
    assert call("ListConcatenateBack", values=[], truncate_front_to_size=4).list_length == 4
    assert text(values(call)) == "bcde"
    assert call("ListConcatenateFront", values=[], truncate_back_to_size=2).list_length == 2
    assert text(values(call)) == "bc"
    assert call("ListConcatenateBack", list_name=b"none", values=[], truncate_front_to_size=2).list_length == 0


@pytest.mark.parametrize(
    ("start", "end"),
    [(None, None), (0, 3), (2, 6), (5, 0), (-5, None), (-7, -2), (2, -6), (-2, -6), (0, 0), (-100, 100), (9, 10)]
    + [(10, 20), (-(2**31), 2**31 - 1), (2**31 - 1, -(2**31)), (None, -5), (3, None), (-1, 1)],
)
def test_a_slice_is_fetched_or_retained_as_python_would(start: int | None, end: int | None, call: Call) -> None:
    fill(call, "abcdefghij")
    bounds: dict[str, Any] = {}
    bounds.update({"unbounded_start": UNBOUNDED} if start is None else {"inclusive_start": start})
    bounds.update({"unbounded_end": UNBOUNDED} if end is None else {"exclusive_end": end})
    expected = "abcdefghij"[slice(start, end)]
    assert text(values(call, **bounds)) == expected
    assert call("ListRetain", **bounds).found.list_length == len(expected)
    assert text(values(call)) == expected
    assert exists(call, b"l") == (expected != "")


def test_retaining_refreshes_the_ttl_if_asked(call: Call) -> None:
    fill(call, "abc")
    call("ListRetain", inclusive_start=1, ttl_milliseconds=100 * TTL_MS)
    assert ttl_of(call, b"l") <= TTL_MS
    call("ListRetain", ttl_milliseconds=100 * TTL_MS, refresh_ttl=True)
    assert ttl_of(call, b"l") > 99 * TTL_MS


def erase(call: Call, *ranges: tuple[int, int]) -> Any:
    """Take ranges out of the list."""
    rows = [messages._ListRange(begin_index=begin, count=count) for begin, count in ranges]
    return call("ListErase", all=None, some=some(messages._ListEraseRequest, ranges=rows))


def test_ranges_are_erased_of_the_list_as_it_was(call: Call) -> None:
    fill(call, "abcdefghij")
    assert erase(call, (8, 100), (0, 2), (1, 2), (50, 1), (4, 0)).found.list_length == 5
    assert text(values(call)) == "defgh"
    assert erase(call).found.list_length == 5
    assert erase(call, (0, 2**32 - 1)).found.list_length == 0
    assert not exists(call, b"l")


def test_a_list_is_erased(call: Call) -> None:
    fill(call, "abc")
    erased = call("ListErase")
    assert erased.HasField("found")
    assert erased.found.list_length == 0
    assert not exists(call, b"l")


def test_all_equal_values_are_removed(call: Call) -> None:
    fill(call, "abacada")
    assert call("ListRemove", all_elements_with_value=b"a").found.list_length == 3
    assert text(values(call)) == "bcd"
    assert call("ListRemove", all_elements_with_value=b"none").found.list_length == 3
    assert call("ListRemove", all_elements_with_value=b"").found.list_length == 3
    assert call("ListLength").found.length == 3


# Sorted sets


def fetched(call: Call, **fields: Any) -> list[tuple[bytes, float]]:
    """Return elements of the sorted set with their scores."""
    found = call("SortedSetFetch", **fields).found
    assert found.HasField("values_with_scores")
    return [(element.value, element.score) for element in found.values_with_scores.elements]


def names(call: Call, **fields: Any) -> str:
    """Return the values of the sorted set as one text."""
    found = call("SortedSetFetch", with_scores=False, **fields).found
    assert found.HasField("values")
    return text(found.values.values)


DESCENDING = messages._SortedSetFetchRequest.DESCENDING


def test_elements_are_ordered_by_score_and_by_bytes(call: Call) -> None:
    call("SortedSetPut", elements=scored(c=1, b=2, a=2, d=-math.inf, e=math.inf, f=-0.5))
    ascending = [(b"d", -math.inf), (b"f", -0.5), (b"c", 1.0), (b"a", 2.0), (b"b", 2.0), (b"e", math.inf)]
    assert fetched(call) == ascending
    assert fetched(call, order=DESCENDING) == ascending[::-1]
    assert names(call) == "dfcabe"
    assert call("SortedSetLength").found.length == 6


def test_a_score_is_changed_and_the_last_of_two_counts(call: Call) -> None:
    call("SortedSetPut", elements=scored(a=1, b=2))
    call("SortedSetPut", elements=[*scored(a=5), *scored(a=3)])
    assert fetched(call) == [(b"b", 2), (b"a", 3)]


@pytest.mark.parametrize(
    ("start", "end"),
    [(None, None), (0, 3), (2, 6), (5, 0), (-5, None), (-7, -2), (2, -6), (0, 0), (-100, 100), (10, 20), (None, -5)],
)
@pytest.mark.parametrize("order", [0, 1])
def test_a_slice_of_either_order_is_fetched(start: int | None, end: int | None, order: int, call: Call) -> None:
    call("SortedSetPut", elements=scored(**{letter: i for i, letter in enumerate("abcdefghij")}))
    expected = ("jihgfedcba" if order == 1 else "abcdefghij")[slice(start, end)]
    assert names(call, order=order, by_index=by_index(start, end)) == expected


BY_SCORE: list[tuple[dict[str, Any], str]] = [
    ({}, "abcde"),
    ({"unbounded_min": UNBOUNDED, "unbounded_max": UNBOUNDED}, "abcde"),
    ({"min_score": bound(2)}, "bcde"),
    ({"min_score": bound(2, exclusive=True)}, "cde"),
    ({"max_score": bound(4)}, "abcd"),
    ({"max_score": bound(4, exclusive=True)}, "abc"),
    ({"min_score": bound(2), "max_score": bound(4)}, "bcd"),
    ({"min_score": bound(2), "max_score": bound(2)}, "b"),
    ({"min_score": bound(2), "max_score": bound(2, exclusive=True)}, ""),
    ({"min_score": bound(4), "max_score": bound(2)}, ""),
    ({"min_score": bound(-math.inf), "max_score": bound(math.inf)}, "abcde"),
    ({"min_score": bound(6)}, ""),
]


@pytest.mark.parametrize(("bounds", "expected"), BY_SCORE)
@pytest.mark.parametrize(("offset", "count"), [(0, -1), (1, -1), (0, 2), (1, 2), (0, 0), (100, -1), (2**32 - 1, 1)])
def test_elements_between_scores_are_fetched(
    bounds: dict[str, Any], expected: str, offset: int, count: int, call: Call
) -> None:
    call("SortedSetPut", elements=scored(a=1, b=2, c=3, d=4, e=5))
    end = None if count < 0 else offset + count
    window = by_score(offset, count, **bounds)
    assert names(call, by_index=None, by_score=window) == expected[offset:end]
    assert names(call, by_index=None, by_score=window, order=DESCENDING) == expected[::-1][offset:end]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, 5),
        ({"unbounded_min": UNBOUNDED, "unbounded_max": UNBOUNDED}, 5),
        ({"inclusive_min": 2}, 4),
        ({"exclusive_min": 2}, 3),
        ({"inclusive_max": 4}, 4),
        ({"exclusive_max": 4}, 3),
        ({"exclusive_min": 2, "exclusive_max": 3}, 0),
        ({"inclusive_min": 4, "inclusive_max": 2}, 0),
        ({"inclusive_min": -math.inf, "inclusive_max": math.inf}, 5),
    ],
)
def test_elements_between_scores_are_counted(bounds: dict[str, Any], expected: int, call: Call) -> None:
    call("SortedSetPut", elements=scored(a=1, b=2, c=3, d=4, e=5))
    response = call("SortedSetLengthByScore", **bounds)
    assert response.HasField("found")
    assert response.found.length == expected


def test_scores_are_answered_in_the_order_asked(call: Call) -> None:
    call("SortedSetPut", elements=scored(a=1, zero=0))
    parts = call("SortedSetGetScore", values=[b"none", b"zero", b"a", b"a"]).found.elements
    hit, miss = messages.Hit, messages.Miss
    assert [(part.result, part.score) for part in parts] == [(miss, 0), (hit, 0), (hit, 1), (hit, 1)]
    assert len(call("SortedSetGetScore", values=[]).found.elements) == 0


def test_a_rank_is_told_from_either_end(call: Call) -> None:
    call("SortedSetPut", elements=scored(a=1, b=2, c=2))
    ranks = [
        [call("SortedSetGetRank", value=value, order=order).element_rank for value in (b"a", b"b", b"c")]
        for order in (0, 1)
    ]
    assert all(part.result == messages.Hit for row in ranks for part in row)
    assert [[part.rank for part in row] for row in ranks] == [[0, 1, 2], [2, 1, 0]]


def test_a_value_without_rank_is_a_miss(call: Call) -> None:
    # Clients read `element_rank` alone, so a set that is missing answers with it, too.
    assert call("SortedSetGetRank").element_rank.result == messages.Miss
    call("SortedSetPut", elements=scored(a=1))
    assert call("SortedSetGetRank", value=b"none").element_rank.result == messages.Miss


def test_a_score_is_incremented(call: Call) -> None:
    assert call("SortedSetIncrement", amount=1.5).score == 1.5
    assert call("SortedSetIncrement", amount=-1.5).score == 0
    assert call("SortedSetIncrement", amount=math.inf).score == math.inf
    assert fetched(call) == [(b"e", math.inf)]


def test_infinity_less_infinity_is_refused(call: Call, refuse: Refuse) -> None:
    call("SortedSetPut", elements=scored(e=math.inf))
    assert refuse("SortedSetIncrement", amount=-math.inf).code() == grpc.StatusCode.FAILED_PRECONDITION
    assert fetched(call) == [(b"e", math.inf)]


def test_a_sorted_set_loses_some_values_or_all(call: Call) -> None:
    request = messages._SortedSetRemoveRequest
    call("SortedSetPut", elements=scored(a=1, b=2, c=3))
    call("SortedSetRemove", all=None, some=some(request, values=[b"a", b"none"]))
    assert names(call) == "bc"
    call("SortedSetRemove", all=None, some=some(request, values=[]))
    assert names(call) == "bc"
    call("SortedSetRemove", all=None, some=some(request, values=[b"b", b"c"]))
    assert not exists(call, b"z")
    call("SortedSetPut")
    call("SortedSetRemove")
    assert not exists(call, b"z")


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("SUM", {b"a": 2, b"b": 4 - 10, b"c": -20}),
        ("MIN", {b"a": 2, b"b": -10, b"c": -20}),
        ("MAX", {b"a": 2, b"b": 4, b"c": -20}),
    ],
)
def test_a_union_weighs_and_aggregates(aggregate: str, expected: dict[bytes, float], call: Call) -> None:
    call("SortedSetPut", set_name=b"x", elements=scored(a=1, b=2))
    call("SortedSetPut", set_name=b"y", elements=scored(b=1, c=2))
    call("SortedSetPut", set_name=b"z", elements=scored(old=1))
    request = sound(
        "SortedSetUnionStore",
        sources=[source(b"x", 2), source(b"y", -10), source(b"none")],
        aggregate=messages._SortedSetUnionStoreRequest.AggregateFunction.Value(aggregate),
        ttl_milliseconds=100 * TTL_MS,
    )
    assert call("SortedSetUnionStore", request).length == 3
    assert dict(fetched(call)) == expected
    assert ttl_of(call, b"z") > 99 * TTL_MS


def test_a_union_may_take_part_in_itself(call: Call) -> None:
    call("SortedSetPut", elements=scored(a=1))
    assert call("SortedSetUnionStore", sources=[source(b"z", 3), source(b"z", 4)]).length == 1
    assert fetched(call) == [(b"a", 7)]


def test_an_empty_union_takes_the_set_away(call: Call) -> None:
    call("SortedSetPut")
    assert call("SortedSetUnionStore", sources=[]).length == 0
    assert not exists(call, b"z")
    call("SortedSetPut")
    assert call("SortedSetUnionStore", sources=[source(b"none")]).length == 0
    assert not exists(call, b"z")


def test_a_source_of_another_type_is_refused_and_nothing_changes(call: Call, refuse: Refuse) -> None:
    call("SortedSetPut")
    set_scalar(call, b"text")
    error = refuse("SortedSetUnionStore", sources=[source(b"z", 5), source(b"text")])
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert fetched(call) == [(b"e", 1)]


# Large ones


def chunks(rows: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    """Cut rows into calls."""
    return (rows[at : at + size] for at in range(0, len(rows), size))


def test_large_collections_come_back_whole(call: Call) -> None:
    everything = [struct.pack(">I", i) for i in range(100_000)]
    for chunk in chunks(everything, 20_000):
        call("SetUnion", elements=chunk)
        call("ListConcatenateBack", values=chunk)
        call("DictionarySet", items=[pair(name, name) for name in chunk])
        numbered = [
            messages._SortedSetElement(value=name, score=struct.unpack(">I", name)[0] // 3) for name in chunk
        ]
        call("SortedSetPut", elements=numbered)
    assert elements(call) == set(everything)
    assert values(call) == everything
    assert dictionary(call) == {name: name for name in everything}
    assert fetched(call) == [(name, i // 3) for i, name in enumerate(everything)]
    assert fetched(call, by_index=by_index(50_000, 50_003)) == [
        (name, (50_000 + i) // 3) for i, name in enumerate(everything[50_000:50_003])
    ]
    assert all(call("SetContains", elements=everything).found.contains)


def test_a_collection_larger_than_a_reply_may_be_is_read_in_parts(start_server: Callable[..., Server]) -> None:
    with grpc.insecure_channel(start_server("--max-buffered", "16mib", "--cache", "c").address) as channel:
        scs = stubs.ScsStub(channel)

        def call(method: str, **fields: Any) -> Any:
            return getattr(scs, method)(
                sound(method, **fields), metadata=[("cache", "c")], timeout=CALL_TIMEOUT_S
            )

        for _ in range(4):
            call("ListConcatenateBack", values=[LARGE] * 39)
        with pytest.raises(grpc.RpcError) as caught:
            call("ListFetch")
        error: Any = caught.value
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "ask for less at a time" in error.details()
        assert call("ListFetch", inclusive_start=150).found.values == [LARGE] * 6


def test_a_reply_that_is_too_large_is_refused_and_pops_nothing(start_server: Callable[..., Server]) -> None:
    server = start_server("--max-buffered", "16mib", "--max-element", "1mib", "--cache", "c")
    with grpc.insecure_channel(server.address) as channel:
        scs = stubs.ScsStub(channel)
        metadata = [("cache", "c")]
        for number in range(17):
            value = bytes([number]) * 1_000_000
            push = messages._ListPushBackRequest(list_name=b"l", value=value, ttl_milliseconds=TTL_MS)
            scs.ListPushBack(push, metadata=metadata, timeout=CALL_TIMEOUT_S)
            union = messages._SetUnionRequest(set_name=b"s", elements=[value], ttl_milliseconds=TTL_MS)
            scs.SetUnion(union, metadata=metadata, timeout=CALL_TIMEOUT_S)
        for method, request in (
            (scs.ListFetch, messages._ListFetchRequest(list_name=b"l")),
            (scs.SetFetch, messages._SetFetchRequest(set_name=b"s")),
            (scs.SetPop, messages._SetPopRequest(set_name=b"s", count=17)),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                method(request, metadata=metadata, timeout=CALL_TIMEOUT_S)
            error: Any = caught.value
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "ask for less at a time" in error.details()
        popped = scs.SetPop(messages._SetPopRequest(set_name=b"s", count=3), metadata=metadata, timeout=CALL_TIMEOUT_S)
        assert len(popped.found.elements) == 3
        length = scs.SetLength(messages._SetLengthRequest(set_name=b"s"), metadata=metadata, timeout=CALL_TIMEOUT_S)
        assert length.found.length == 14


def test_limits_of_elements_are_settings(start_server: Callable[..., Server]) -> None:
    with grpc.insecure_channel(start_server("--max-element", "10b").address) as channel:
        control = control_stubs.ScsControlStub(channel)
        control.CreateCache(control_messages._CreateCacheRequest(cache_name="c"), timeout=CALL_TIMEOUT_S)
        scs = stubs.ScsStub(channel)
        metadata = [("cache", "c")]
        scs.SetUnion(sound("SetUnion", elements=[b"1234567890"]), metadata=metadata, timeout=CALL_TIMEOUT_S)
        with pytest.raises(grpc.RpcError) as caught:
            scs.SetUnion(sound("SetUnion", elements=[b"12345678901"]), metadata=metadata, timeout=CALL_TIMEOUT_S)
        error: Any = caught.value
        assert cause(error) == "element_size_limit_exceeded"
