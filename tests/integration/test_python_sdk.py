"""The official Python client, synchronous and asynchronous, unchanged, against our server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from conftest import Server
from momento import CacheClient, CacheClientAsync, Configurations, CredentialProvider
from momento.config import Configuration
from momento.errors import (
    FailedPreconditionException,
    InvalidArgumentException,
    LimitExceededException,
    MomentoErrorCode,
    NotFoundException,
    ServerUnavailableException,
    TimeoutException,
)
from momento.requests import CollectionTtl, SortOrder
from momento.responses import (
    CacheDelete,
    CacheDictionaryFetch,
    CacheFlush,
    CacheGet,
    CacheIncrement,
    CacheListFetch,
    CacheSet,
    CacheSetFetch,
    CacheSetIfNotExists,
    CacheSortedSetFetch,
    CreateCache,
    DeleteCache,
    ListCaches,
)

DEFAULT_TTL = timedelta(seconds=60)
POLL_LIMIT_S = 10
CONFIGURATIONS: dict[str, Callable[[], Configuration]] = {
    "laptop": Configurations.Laptop.latest,
    "in-region-default": Configurations.InRegion.Default.latest,
    "in-region-low-latency": Configurations.InRegion.LowLatency.latest,
    "lambda": Configurations.Lambda.latest,
}


class SyncClient:
    """The synchronous client; its methods are called as they are."""

    def __init__(self, configuration: Configuration, credentials: CredentialProvider) -> None:
        """Connect."""
        self._client = CacheClient.create(configuration, credentials, DEFAULT_TTL)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def close(self) -> None:
        """Disconnect."""
        self._client.__exit__(None, None, None)


class AsyncClient:
    """The asynchronous client on an event loop of its own, so that the same tests can drive it."""

    def __init__(self, configuration: Configuration, credentials: CredentialProvider) -> None:
        """Connect."""
        self._loop = asyncio.new_event_loop()
        self._client = self._loop.run_until_complete(CacheClientAsync.create(configuration, credentials, DEFAULT_TTL))

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        return lambda *args, **kwargs: self._loop.run_until_complete(method(*args, **kwargs))

    def gather(self, calls: Callable[[CacheClientAsync], list[Any]]) -> list[Any]:
        """Make many calls at once."""

        async def all_of_them() -> list[Any]:
            return await asyncio.gather(*calls(self._client))

        return self._loop.run_until_complete(all_of_them())

    def close(self) -> None:
        """Disconnect."""
        self._loop.run_until_complete(self._client.__aexit__(None, None, None))
        self._loop.close()


Connect = Callable[..., Any]


@pytest.fixture(params=[SyncClient, AsyncClient], ids=["sync", "async"])
def connect(request: pytest.FixtureRequest, server: Server) -> Iterator[Connect]:
    """Make clients of either kind, which are closed after the test."""
    clients = []

    def make(configuration: Configuration | None = None, to: Server = server) -> Any:
        credentials = CredentialProvider.for_momento_local("127.0.0.1", to.port)
        clients.append(request.param(configuration or Configurations.Laptop.latest(), credentials))
        return clients[-1]

    yield make
    for made in clients:
        made.close()


@pytest.fixture
def client(connect: Connect) -> Any:
    """Make a client with the configuration for a laptop."""
    return connect()


# Caches


def test_a_cache_is_created_listed_and_deleted(client: Any) -> None:
    assert isinstance(client.create_cache("python"), CreateCache.Success)
    assert isinstance(client.create_cache("python"), CreateCache.CacheAlreadyExists)
    listed = client.list_caches()
    assert isinstance(listed, ListCaches.Success)
    assert "python" in [cache.name for cache in listed.caches]
    assert isinstance(client.delete_cache("python"), DeleteCache.Success)
    assert "python" not in [cache.name for cache in client.list_caches().caches]


def test_a_flushed_cache_is_empty(client: Any, cache: str) -> None:
    client.set(cache, "k", "v")
    assert isinstance(client.flush_cache(cache), CacheFlush.Success)
    assert isinstance(client.get(cache, "k"), CacheGet.Miss)


# Items


def test_an_item_is_stored_read_and_deleted(client: Any, cache: str) -> None:
    assert isinstance(client.get(cache, "k"), CacheGet.Miss)
    assert isinstance(client.set(cache, "k", "v"), CacheSet.Success)
    found = client.get(cache, "k")
    assert isinstance(found, CacheGet.Hit)
    assert found.value_string == "v"
    assert isinstance(client.delete(cache, "k"), CacheDelete.Success)
    assert isinstance(client.get(cache, "k"), CacheGet.Miss)


def test_deleting_nothing_succeeds(client: Any, cache: str) -> None:
    assert isinstance(client.delete(cache, "k"), CacheDelete.Success)


@pytest.mark.parametrize("value", [b"", bytes(range(256)), b"v" * 1_000_000], ids=len)
def test_bytes_come_back_as_they_were(value: bytes, client: Any, cache: str) -> None:
    client.set(cache, b"\x00key\xff", value)
    found = client.get(cache, b"\x00key\xff")
    assert isinstance(found, CacheGet.Hit)
    assert found.value_bytes == value


def test_a_number_is_incremented(client: Any, cache: str) -> None:
    assert client.increment(cache, "n") == CacheIncrement.Success(1)
    assert client.increment(cache, "n", 41) == CacheIncrement.Success(42)
    assert client.increment(cache, "n", -50) == CacheIncrement.Success(-8)
    assert client.get(cache, "n").value_string == "-8"


def test_set_if_not_exists_keeps_what_is_there(client: Any, cache: str) -> None:
    assert isinstance(client.set_if_not_exists(cache, "k", "first"), CacheSetIfNotExists.Stored)
    assert isinstance(client.set_if_not_exists(cache, "k", "second"), CacheSetIfNotExists.NotStored)
    assert client.get(cache, "k").value_string == "first"


def test_an_item_is_gone_once_its_ttl_has_passed_and_not_before(client: Any, cache: str) -> None:
    started = time.monotonic()
    client.set(cache, "k", "v", ttl=timedelta(milliseconds=300))
    client.set(cache, "longer", "v", ttl=timedelta(minutes=10))
    while isinstance(client.get(cache, "k"), CacheGet.Hit):
        assert time.monotonic() - started < POLL_LIMIT_S
    assert isinstance(client.get(cache, "k"), CacheGet.Miss)
    assert time.monotonic() - started >= 0.299
    assert isinstance(client.get(cache, "longer"), CacheGet.Hit)


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_prebuilt_configuration_works(configuration: str, connect: Connect, cache: str) -> None:
    client = connect(CONFIGURATIONS[configuration]())
    assert isinstance(client.set(cache, "k", "v"), CacheSet.Success)
    assert isinstance(client.get(cache, "k"), CacheGet.Hit)


@pytest.mark.parametrize("connect", [AsyncClient], indirect=True, ids=["async"])
def test_more_calls_than_streams_are_all_answered(client: Any, cache: str) -> None:
    stored = client.gather(lambda c: [c.set(cache, f"k{i}", f"v{i}") for i in range(1000)])
    assert {type(response) for response in stored} == {CacheSet.Success}
    found = client.gather(lambda c: [c.get(cache, f"k{i}") for i in range(1000)])
    assert [response.value_string for response in found] == [f"v{i}" for i in range(1000)]


# Collections


def test_a_dictionary_is_written_read_and_emptied(client: Any, cache: str) -> None:
    client.dictionary_set_fields(cache, "d", {"a": "1", "b": "2", "c": "3"})
    assert client.dictionary_fetch(cache, "d").value_dictionary_string_string == {"a": "1", "b": "2", "c": "3"}
    answers = client.dictionary_get_fields(cache, "d", ["c", "absent", "a"])
    assert answers.value_dictionary_string_string == {"c": "3", "a": "1"}
    assert client.dictionary_get_field(cache, "d", "b").value_string == "2"
    assert client.dictionary_increment(cache, "d", "b", 40).value == 42
    client.dictionary_remove_field(cache, "d", "a")
    client.dictionary_remove_fields(cache, "d", ["b", "c"])
    assert isinstance(client.dictionary_fetch(cache, "d"), CacheDictionaryFetch.Miss)


def test_a_set_is_written_read_and_emptied(client: Any, cache: str) -> None:
    client.set_add_elements(cache, "s", {"a", "b"})
    client.set_add_element(cache, "s", "c")
    assert client.set_fetch(cache, "s").value_set_string == {"a", "b", "c"}
    client.set_remove_element(cache, "s", "c")
    assert client.set_fetch(cache, "s").value_set_string == {"a", "b"}
    client.set_remove_elements(cache, "s", {"a", "b"})
    assert isinstance(client.set_fetch(cache, "s"), CacheSetFetch.Miss)


def test_a_list_is_written_read_and_emptied(client: Any, cache: str) -> None:
    assert client.list_concatenate_back(cache, "l", ["b", "c", "d"]).list_length == 3
    assert client.list_push_front(cache, "l", "a").list_length == 4
    assert client.list_fetch(cache, "l").value_list_string == ["a", "b", "c", "d"]
    assert client.list_length(cache, "l").length == 4
    assert client.list_push_back(cache, "l", "e", truncate_front_to_size=3).list_length == 3
    assert client.list_pop_front(cache, "l").value_string == "c"
    assert client.list_pop_back(cache, "l").value_string == "e"
    client.list_remove_value(cache, "l", "d")
    assert isinstance(client.list_fetch(cache, "l"), CacheListFetch.Miss)


def test_a_sorted_set_is_written_read_and_emptied(client: Any, cache: str) -> None:
    client.sorted_set_put_elements(cache, "z", {"a": 1.0, "b": 2.0, "c": 3.0})
    ascending = client.sorted_set_fetch_by_rank(cache, "z")
    assert ascending.value_list_string == [("a", 1.0), ("b", 2.0), ("c", 3.0)]
    by_score = client.sorted_set_fetch_by_score(cache, "z", min_score=2.0, sort_order=SortOrder.DESCENDING)
    assert by_score.value_list_string == [("c", 3.0), ("b", 2.0)]
    assert client.sorted_set_get_score(cache, "z", "b").score == 2.0
    assert client.sorted_set_get_rank(cache, "z", "c", SortOrder.DESCENDING).rank == 0
    assert client.sorted_set_increment_score(cache, "z", "a", 9.5).score == 10.5
    client.sorted_set_remove_elements(cache, "z", ["a", "b", "c"])
    assert isinstance(client.sorted_set_fetch_by_rank(cache, "z"), CacheSortedSetFetch.Miss)


def test_a_key_of_another_type_is_refused_and_stays(client: Any, cache: str) -> None:
    client.set(cache, "k", "v")
    response = client.list_push_back(cache, "k", "x")
    assert_error(response, FailedPreconditionException, MomentoErrorCode.FAILED_PRECONDITION_ERROR)
    assert client.get(cache, "k").value_string == "v"


def test_a_collection_that_is_written_to_keeps_the_ttl_it_has_unless_told_otherwise(client: Any, cache: str) -> None:
    client.list_push_back(cache, "l", "a", ttl=CollectionTtl(timedelta(milliseconds=400), refresh_ttl=False))
    client.list_push_back(cache, "l", "b", ttl=CollectionTtl(timedelta(minutes=1), refresh_ttl=False))
    started = time.monotonic()
    while isinstance(client.list_fetch(cache, "l"), CacheListFetch.Hit):
        assert time.monotonic() - started < POLL_LIMIT_S


# Errors


def assert_error(response: Any, exception: type[Exception], code: MomentoErrorCode) -> None:
    """Check that a response is an error of this type."""
    assert type(response).__name__ == "Error", response
    assert isinstance(response.inner_exception, exception)
    assert response.error_code == code


NO_CACHE_CALLS: dict[str, Callable[[Any], Any]] = {
    "get": lambda client: client.get("nobody-made-this", "k"),
    "set": lambda client: client.set("nobody-made-this", "k", "v"),
    "delete": lambda client: client.delete("nobody-made-this", "k"),
    "increment": lambda client: client.increment("nobody-made-this", "k"),
    "set_if_not_exists": lambda client: client.set_if_not_exists("nobody-made-this", "k", "v"),
    "delete_cache": lambda client: client.delete_cache("nobody-made-this"),
    "flush_cache": lambda client: client.flush_cache("nobody-made-this"),
}


@pytest.mark.parametrize("call", NO_CACHE_CALLS)
def test_an_unknown_cache_is_not_found(call: str, client: Any) -> None:
    assert_error(NO_CACHE_CALLS[call](client), NotFoundException, MomentoErrorCode.NOT_FOUND_ERROR)


def test_the_server_refuses_an_empty_key(client: Any, cache: str) -> None:
    for response in (client.get(cache, ""), client.set(cache, "", "v"), client.delete(cache, "")):
        assert_error(response, InvalidArgumentException, MomentoErrorCode.INVALID_ARGUMENT_ERROR)
        assert response.inner_exception.transport_details is not None


def test_the_server_refuses_a_ttl_over_its_limit(client: Any, cache: str) -> None:
    response = client.set(cache, "k", "v", ttl=timedelta(hours=25))
    assert_error(response, InvalidArgumentException, MomentoErrorCode.INVALID_ARGUMENT_ERROR)
    assert response.inner_exception.transport_details is not None


def test_the_client_refuses_a_cache_without_a_name(client: Any) -> None:
    response = client.get("", "k")
    assert_error(response, InvalidArgumentException, MomentoErrorCode.INVALID_ARGUMENT_ERROR)
    assert response.inner_exception.transport_details is None


def test_text_cannot_be_incremented(client: Any, cache: str) -> None:
    client.set(cache, "k", "v")
    response = client.increment(cache, "k")
    assert_error(response, FailedPreconditionException, MomentoErrorCode.FAILED_PRECONDITION_ERROR)


def test_an_item_over_the_limit_is_refused(client: Any, cache: str) -> None:
    response = client.set(cache, "k", b"v" * 5_000_000)
    assert_error(response, LimitExceededException, MomentoErrorCode.LIMIT_EXCEEDED_ERROR)


def test_a_timeout_passes_and_the_client_works_again(connect: Connect, start_server: Callable[..., Server]) -> None:
    server = start_server()
    client = connect(Configurations.Laptop.latest().with_client_timeout(timedelta(seconds=1)), to=server)
    client.create_cache("paused")
    assert isinstance(client.set("paused", "k", "v"), CacheSet.Success)
    server.pause()
    assert_error(client.get("paused", "k"), TimeoutException, MomentoErrorCode.TIMEOUT_ERROR)
    server.resume()
    assert isinstance(client.get("paused", "k"), CacheGet.Hit)


def test_a_server_that_is_gone_is_unavailable(connect: Connect, start_server: Callable[..., Server]) -> None:
    server = start_server()
    client = connect(to=server)
    client.create_cache("gone")
    server.stop()
    response = client.get("gone", "k")
    assert_error(response, ServerUnavailableException, MomentoErrorCode.SERVER_UNAVAILABLE)
