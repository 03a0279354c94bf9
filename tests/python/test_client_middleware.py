"""Middleware of both kinds: what it is shown, in which order, and what its changes do."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import Any

import mayfly
import pytest
from momento_wire_types import cacheclient_pb2 as messages
from support import ASYNCIO, CACHE, HOUR_MS, Caller, code_of, is_kind
from watching import Watch, middleware_of

from mayfly.config.middleware import CONNECTION_ID_KEY
from mayfly.errors import StatusCode
from mayfly.responses import CacheGet, CacheSet

HOOKS = ["new", "request metadata", "request body", "response metadata", "response body", "response status"]


@pytest.fixture
def watched(kind: str, open_client: Callable[..., Caller]) -> Callable[..., Caller]:
    """Open clients with middleware that watches."""

    def open_watched(*watches: Watch) -> Caller:
        settings = mayfly.Configurations.Laptop.latest()
        return open_client(settings.with_middlewares([middleware_of(kind, watch) for watch in watches]))

    return open_watched


def test_the_hooks_of_a_request_come_in_their_order(watched: Callable[..., Caller], key: str) -> None:
    watch = Watch()
    client = watched(watch)
    assert isinstance(client.set(CACHE, key, "v"), CacheSet.Success)
    assert watch.seen == HOOKS
    client.get(CACHE, key)
    assert watch.seen == HOOKS * 2


def test_a_request_that_fails_has_no_body_of_a_response(watched: Callable[..., Caller]) -> None:
    watch = Watch()
    assert code_of(watched(watch).get("no-such-cache", "k")) == "NOT_FOUND_ERROR"
    assert watch.seen == [hook for hook in HOOKS if hook != "response body"]
    assert watch.statuses == [StatusCode.NOT_FOUND]


def test_several_middlewares_see_requests_in_order_and_responses_reversed(
    watched: Callable[..., Caller], key: str
) -> None:
    seen: list[str] = []
    watched(*(Watch(name=name, seen=seen) for name in "abc")).get(CACHE, key)
    requests = [f"{name} {hook}" for hook in HOOKS[:3] for name in "abc"]
    responses = [f"{name} response metadata" for name in "cba"]
    bodies = [f"{name} {hook}" for hook in HOOKS[4:] for name in "cba"]
    assert seen == requests + responses + bodies


def test_a_request_shows_its_name_its_size_and_its_fields(watched: Callable[..., Caller], key: str) -> None:
    watch = Watch()
    client = watched(watch)
    client.set(CACHE, key, b"value")
    client.get(CACHE, key)
    client.get_batch(CACHE, [key, "other"])
    of_set = messages._SetRequest(cache_key=key.encode(), cache_body=b"value", ttl_milliseconds=HOUR_MS)
    of_get = messages._GetRequest(cache_key=key.encode())
    of_batch = messages._GetBatchRequest(items=[of_get, messages._GetRequest(cache_key=b"other")])
    assert [(message.constructor_name, message.message_length) for message in watch.requests] == [
        ("_SetRequest", of_set.ByteSize()), ("_GetRequest", of_get.ByteSize()),
        ("_GetBatchRequest", of_batch.ByteSize())]
    assert watch.requests[0].grpc_message.fields == {"cache_name": CACHE, "key": key, "value": b"value", "ttl": None}


def test_a_response_shows_its_name_its_size_and_its_fields(watched: Callable[..., Caller], key: str) -> None:
    watch = Watch()
    client = watched(watch)
    client.set(CACHE, key, "value")
    client.get(CACHE, key)
    response = watch.responses[-1]
    assert response.constructor_name == "_GetResponse"
    assert response.message_length == messages._GetResponse(result=messages.Hit, cache_body=b"value").ByteSize()
    assert response.grpc_message.fields == {"value_bytes": b"value"}
    assert watch.statuses == [StatusCode.OK] * 2


def test_what_metadata_a_request_has_names_its_cache(watched: Callable[..., Caller], key: str) -> None:
    watch = Watch()
    client = watched(watch)
    client.get(CACHE, key)
    client.list_caches()
    assert ("cache", CACHE) in watch.sent[0]
    assert watch.sent[1] == []


def test_metadata_that_middleware_adds_reaches_the_server(watched: Callable[..., Caller], key: str) -> None:
    faults = {"request-id": str(uuid.uuid4()), "error-rpcs": "get", "return-error": "permission-denied"}
    client = watched(Watch(metadata=faults))
    assert isinstance(client.set(CACHE, key, "v"), CacheSet.Success)
    assert code_of(client.get(CACHE, key)) == "PERMISSION_ERROR"


def test_metadata_of_two_middlewares_goes_together(watched: Callable[..., Caller], key: str) -> None:
    first = Watch(metadata={"request-id": str(uuid.uuid4()), "error-rpcs": "get"})
    second = Watch(metadata={"return-error": "permission-denied"})
    assert code_of(watched(first, second).get(CACHE, key)) == "PERMISSION_ERROR"
    assert ("error-rpcs", "get") in second.sent[0]


def test_metadata_that_cannot_be_sent_is_an_error(watched: Callable[..., Caller], key: str) -> None:
    assert code_of(watched(Watch(metadata={"a b": "c"})).get(CACHE, key)) == "INVALID_ARGUMENT_ERROR"
    assert code_of(watched(Watch(metadata={"a": "ä"})).get(CACHE, key)) == "INVALID_ARGUMENT_ERROR"


def test_the_metadata_of_a_failure_is_shown_and_kept(watched: Callable[..., Caller], key: str) -> None:
    watch = Watch()
    response = watched(watch).get("no-such-cache", key)
    assert response.inner_exception.transport_details.grpc.code is StatusCode.NOT_FOUND
    assert len(watch.received) == 1


def test_bad_input_never_reaches_the_server(watched: Callable[..., Caller], key: str) -> None:
    watch = Watch()
    response = watched(watch).get(CACHE, None)
    assert code_of(response) == "INVALID_ARGUMENT_ERROR"
    assert "Unsupported type for key: <class 'NoneType'>" in response.message
    assert watch.statuses == []


@pytest.mark.parametrize("hook", HOOKS[1:])
def test_a_hook_that_raises_is_logged_and_passed_over(
    watched: Callable[..., Caller], key: str, hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch(failing=hook)
    after = Watch()
    client = watched(after, watch) if hook.startswith("response") else watched(watch, after)
    assert isinstance(client.get(CACHE, key), CacheGet.Miss)
    assert after.seen == HOOKS
    logged = [record for record in caplog.records if record.exc_info is not None]
    assert [(record.name, record.levelno) for record in logged] == [("mayfly", logging.ERROR)]
    assert "it broke" in logged[0].getMessage()


def test_a_middleware_that_makes_no_handler_is_logged_and_passed_over(
    watched: Callable[..., Caller], key: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken, after = Watch(failing="new"), Watch()
    assert isinstance(watched(broken, after).get(CACHE, key), CacheGet.Miss)
    assert (broken.seen, after.seen) == (["new"], HOOKS)
    assert ["it broke" in record.getMessage() for record in caplog.records if record.exc_info is not None] == [True]


def test_the_context_names_the_connection(watched: Callable[..., Caller], key: str) -> None:
    watch = Watch()
    client = watched(watch)
    client.get(CACHE, key)
    client.get(CACHE, key)
    names = [context.context[CONNECTION_ID_KEY] for context in watch.contexts]
    assert names[0] == names[1] != ""


def test_middleware_is_told_that_its_client_is_closed(watched: Callable[..., Caller], key: str) -> None:
    watches = [Watch(), Watch()]
    client = watched(*watches)
    client.get(CACHE, key)
    assert [watch.closed for watch in watches] == [0, 0]
    client.close()
    assert [watch.closed for watch in watches] == [1, 1]


def test_a_client_takes_the_middleware_of_its_own_kind(
    kind: str, open_client: Callable[..., Caller], key: str
) -> None:
    own, other = Watch(), Watch()
    settings = mayfly.Configurations.Laptop.latest().add_middleware(middleware_of(kind, own))
    settings = settings.add_middleware(middleware_of("blocking" if kind == ASYNCIO else ASYNCIO, other))
    open_client(settings).get(CACHE, key)
    assert (own.seen, other.seen) == (HOOKS, [])


@pytest.mark.parametrize("make", [iter, lambda values: (value for value in values)], ids=["iterator", "generator"])
def test_what_is_read_once_is_sent_whole_past_middleware(
    watched: Callable[..., Caller], key: str, make: Callable[[list[str]], Any]
) -> None:
    client = watched(Watch())
    client.list_concatenate_back(CACHE, key, make(["a", "b"]))
    assert client.list_fetch(CACHE, key).value_list_string == ["a", "b"]
    assert len(client.get_batch(CACHE, make([key + "-1", key + "-2"])).results) == 2


def test_every_kind_of_method_goes_past_middleware(watched: Callable[..., Caller], key: str) -> None:
    watch = Watch()
    client = watched(watch)
    assert is_kind(client.create_cache(key), "Success")
    assert is_kind(client.create_cache(key), "CacheAlreadyExists")
    assert is_kind(client.delete_cache(key), "Success")
    assert is_kind(client.ping(), "Success")
    assert is_kind(client.set_if_absent(CACHE, key, "v"), "Stored")
    assert is_kind(client.dictionary_get_field(CACHE, key + "-d", "f"), "Miss")
    assert [message.constructor_name for message in watch.requests] == [
        "_CreateCacheRequest", "_CreateCacheRequest", "_DeleteCacheRequest", "_PingRequest", "_SetIfRequest",
        "_DictionaryGetRequest"]
