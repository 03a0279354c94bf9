"""Caches as a whole, how clients open and close, and what the hosted service alone has."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from support import BLOCKING, CACHE, HOUR, Caller, code_of, is_kind

import mayfly
from mayfly.auth.access_control.disposable_token_scopes import DisposableTokenScopes
from mayfly.auth.access_control.permission_scope import CacheRole
from mayfly.config import AuthConfigurations
from mayfly.errors.exceptions import ConnectionException
from mayfly.responses import CacheFlush, CacheGet, CreateCache, DeleteCache, ListCaches, Ping
from mayfly.utilities import ExpiresIn

NOTHING = "no-such-cache"


# --- Caches ---


def test_a_cache_is_made_once_and_deleted_once(caller: Caller, key: str) -> None:
    assert isinstance(caller.create_cache(key), CreateCache.Success)
    assert isinstance(caller.create_cache(key), CreateCache.CacheAlreadyExists)
    caller.set(key, "k", "v")
    assert isinstance(caller.create_cache(key), CreateCache.CacheAlreadyExists)
    assert caller.get(key, "k").value_string == "v"
    assert isinstance(caller.delete_cache(key), DeleteCache.Success)
    assert code_of(caller.delete_cache(key)) == "NOT_FOUND_ERROR"
    assert code_of(caller.get(key, "k")) == "NOT_FOUND_ERROR"


def test_caches_are_listed_by_name(caller: Caller, key: str) -> None:
    made = [key + "-b", key + "-a", key + "-ä"]
    for name in made:
        caller.create_cache(name)
    listed = caller.list_caches()
    assert isinstance(listed, ListCaches.Success)
    names = [cache.name for cache in listed.caches]
    assert [name for name in names if name.startswith(key)] == [key + "-a", key + "-b", key + "-ä"]
    assert CACHE in names
    for name in made:
        caller.delete_cache(name)


def test_flush_empties_a_cache_and_no_other(caller: Caller, key: str, other_cache: str) -> None:
    caller.set(other_cache, "k", "v")
    caller.list_push_back(other_cache, "l", "v")
    caller.set(CACHE, key, "v")
    assert isinstance(caller.flush_cache(other_cache), CacheFlush.Success)
    assert isinstance(caller.get(other_cache, "k"), CacheGet.Miss)
    assert is_kind(caller.list_fetch(other_cache, "l"), "Miss")
    assert caller.get(CACHE, key).value_string == "v"


def test_a_cache_that_is_not_there_cannot_be_flushed(caller: Caller) -> None:
    assert code_of(caller.flush_cache(NOTHING)) == "NOT_FOUND_ERROR"


def test_ping_is_answered(caller: Caller) -> None:
    assert isinstance(caller.ping(), Ping.Success)


def test_signing_keys_are_said_not_to_be_there(caller: Caller) -> None:
    for response in (
        caller.create_signing_key(HOUR), caller.revoke_signing_key("id"), caller.list_signing_keys()
    ):
        assert code_of(response) == "BAD_REQUEST_ERROR"
        assert "Signing keys belong to accounts of the hosted service" in response.message


def test_tokens_are_said_not_to_be_there(
    kind: str, loop: asyncio.AbstractEventLoop, credentials: mayfly.CredentialProvider
) -> None:
    made = mayfly.AuthClient if kind == BLOCKING else mayfly.AuthClientAsync
    client = Caller(made(AuthConfigurations.Laptop.latest(), credentials), loop)
    scope = DisposableTokenScopes.cache_read_only("c")
    response = client.generate_disposable_token(scope, ExpiresIn.minutes(5))
    assert code_of(response) == "BAD_REQUEST_ERROR"
    assert "Disposable tokens belong to accounts of the hosted service" in response.message
    assert code_of(client.generate_disposable_token(scope, ExpiresIn.never())) == "UNKNOWN_ERROR"
    assert code_of(client.generate_disposable_token(CacheRole.READ_ONLY, ExpiresIn.minutes(5))) == "UNKNOWN_ERROR"
    client.close()


# --- Opening and closing ---


def test_create_gives_a_client_that_is_connected(create_client: Callable[..., Caller]) -> None:
    client = create_client()
    assert isinstance(client.get(CACHE, "k"), CacheGet.Miss | CacheGet.Hit)
    counts = client.counts()
    assert counts["calls"] == 1
    assert counts["connects"] >= 1


def test_create_with_a_timeout_of_zero_connects_later(create_client: Callable[..., Caller]) -> None:
    client = create_client(timedelta(0))
    assert client.counts().get("connects", 0) == 0
    assert isinstance(client.ping(), Ping.Success)


def test_create_refuses_a_timeout_below_zero(create_client: Callable[..., Caller]) -> None:
    with pytest.raises(ValueError, match="must be greater than or equal to 0 seconds"):
        create_client(timedelta(seconds=-1))


def test_create_raises_where_nobody_listens(create_client: Callable[..., Caller]) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))  # bound, and not listening: connections are refused
        nobody = mayfly.CredentialProvider.for_momento_local(port=unheard.getsockname()[1])
        with pytest.raises(ConnectionException) as raised:
            create_client(timedelta(milliseconds=200), provider=nobody)
    assert raised.value.message.startswith(
        "Failed to connect to Momento's server within given eager connection timeout: ")
    assert raised.value.error_code.name == "CONNECTION_ERROR"


def test_a_server_that_is_not_there_is_an_error_response(open_client: Callable[..., Caller]) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        nobody = mayfly.CredentialProvider.for_momento_local(port=unheard.getsockname()[1])
        configuration = mayfly.Configurations.Laptop.latest().with_client_timeout(timedelta(milliseconds=200))
        client = open_client(configuration, provider=nobody)
        assert code_of(client.get(CACHE, "k")) in ("SERVER_UNAVAILABLE", "TIMEOUT_ERROR")


def test_a_closed_client_answers_with_errors_and_may_be_closed_again(open_client: Callable[..., Caller]) -> None:
    client = open_client()
    assert isinstance(client.ping(), Ping.Success)
    client.close()
    client.close()
    for response in (client.ping(), client.get(CACHE, "k"), client.create_cache("c")):
        assert code_of(response) == "FAILED_PRECONDITION_ERROR"
        assert "closed" in response.message


def test_with_gives_the_client_and_closes_it(
    kind: str, loop: asyncio.AbstractEventLoop, credentials: mayfly.CredentialProvider
) -> None:
    settings = mayfly.Configurations.Laptop.latest()

    async def use() -> Any:
        async with mayfly.CacheClientAsync(settings, credentials, HOUR) as client:
            assert isinstance(await client.ping(), Ping.Success)
        return await client.ping()

    if kind == BLOCKING:
        with mayfly.CacheClient(settings, credentials, HOUR) as client:
            assert isinstance(client.ping(), Ping.Success)
        after = client.ping()
    else:
        after = loop.run_until_complete(use())
    assert code_of(after) == "FAILED_PRECONDITION_ERROR"


def test_a_client_that_is_forgotten_open_warns(
    kind: str, loop: asyncio.AbstractEventLoop, credentials: mayfly.CredentialProvider
) -> None:
    made = mayfly.CacheClient if kind == BLOCKING else mayfly.CacheClientAsync
    client = Caller(made(mayfly.Configurations.Laptop.latest(), credentials, HOUR), loop)
    client.ping()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del client
        gc.collect()
        loop.run_until_complete(asyncio.sleep(0))
        gc.collect()
    assert ["unclosed" in str(warning.message) for warning in caught] == [True]
    assert caught[0].category is ResourceWarning


def test_a_client_that_was_never_used_needs_no_closing(kind: str, credentials: mayfly.CredentialProvider) -> None:
    made = mayfly.CacheClient if kind == BLOCKING else mayfly.CacheClientAsync
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made(mayfly.Configurations.Laptop.latest(), credentials, HOUR)
        gc.collect()
    assert caught == []


def test_many_threads_share_one_client(credentials: mayfly.CredentialProvider, key: str) -> None:
    def work(number: int) -> None:
        for i in range(20):
            name = f"{key}-{number}-{i}"
            client.set(CACHE, name, name)
            found.append(client.get(CACHE, name).value_string == name)  # type: ignore[union-attr]

    found: list[bool] = []
    with mayfly.CacheClient(mayfly.Configurations.Laptop.latest(), credentials, HOUR) as client:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [True] * 160


def test_many_requests_are_under_way_at_once(
    loop: asyncio.AbstractEventLoop, credentials: mayfly.CredentialProvider, key: str
) -> None:
    async def work() -> list[Any]:
        async with mayfly.CacheClientAsync(mayfly.Configurations.Laptop.latest(), credentials, HOUR) as client:
            await asyncio.gather(*(client.set(CACHE, f"{key}-{i}", str(i)) for i in range(500)))
            return await asyncio.gather(*(client.get(CACHE, f"{key}-{i}") for i in range(500)))

    assert [each.value_string for each in loop.run_until_complete(work())] == [str(i) for i in range(500)]


def test_a_request_that_is_cancelled_leaves_the_others_alone(
    loop: asyncio.AbstractEventLoop, credentials: mayfly.CredentialProvider, key: str
) -> None:
    async def work() -> tuple[bool, Any]:
        async with mayfly.CacheClientAsync(mayfly.Configurations.Laptop.latest(), credentials, HOUR) as client:
            task = asyncio.create_task(client.set(CACHE, key, "v"))
            other = asyncio.create_task(client.ping())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task, other])
            return task.cancelled(), await other

    was_cancelled, other = loop.run_until_complete(work())
    assert was_cancelled
    assert isinstance(other, Ping.Success)


def test_a_request_can_be_given_to_what_takes_awaitables(
    loop: asyncio.AbstractEventLoop, credentials: mayfly.CredentialProvider
) -> None:
    async def work() -> list[Any]:
        async with mayfly.CacheClientAsync(mayfly.Configurations.Laptop.latest(), credentials, HOUR) as client:
            return [
                await client.ping(),
                await asyncio.wait_for(client.ping(), 60),
                *await asyncio.gather(client.ping(), client.ping()),
                await asyncio.create_task(client.ping()),
                await asyncio.shield(client.ping()),
            ]

    assert [type(each) for each in loop.run_until_complete(work())] == [Ping.Success] * 6


def test_close_ends_what_is_under_way(
    loop: asyncio.AbstractEventLoop, credentials: mayfly.CredentialProvider
) -> None:
    async def work() -> Any:
        client = mayfly.CacheClientAsync(mayfly.Configurations.Laptop.latest(), credentials, HOUR)
        await client.ping()
        request = client.get(CACHE, "k")
        await client.close()
        return await request

    assert code_of(loop.run_until_complete(work())) == "CANCELLED_ERROR"


def test_one_client_serves_one_loop_after_another(credentials: mayfly.CredentialProvider) -> None:
    client = mayfly.CacheClientAsync(mayfly.Configurations.Laptop.latest(), credentials, HOUR)

    async def ask() -> Any:
        return await client.ping()

    assert [type(asyncio.run(ask())) for _ in range(3)] == [Ping.Success] * 3
    asyncio.run(client.close())
