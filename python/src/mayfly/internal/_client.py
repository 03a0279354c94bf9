"""What the clients have in common: how they are made, connected and closed."""

from __future__ import annotations

import asyncio
import threading
import warnings
from concurrent.futures import Future
from datetime import timedelta
from typing import Any, Optional, TypeVar

from mayfly import _core
from mayfly.auth import CredentialProvider
from mayfly.config import Configuration, TopicConfiguration
from mayfly.errors import InvalidArgumentException
from mayfly.errors.exceptions import ConnectionException
from mayfly.internal import _interception
from mayfly.internal._methods import say
from mayfly.internal._settings import Settings, cache_settings, retries_of, topic_settings
from mayfly.internal._utilities import _timedelta_to_ms
from mayfly.internal.services import Service
from mayfly.requests import LeaderboardOrder, SortedSetAggregate, SortOrder


async def _later(client: _core.LoopClient, name: str, arguments: tuple[Any, ...]) -> Any:
    """A call that was asked for where no loop runs yet: it is made where it is awaited."""
    return await getattr(client, name)(*arguments)


_core.set_hooks(later=_later, orders=(SortOrder, LeaderboardOrder), aggregates=SortedSetAggregate)


_Core = TypeVar("_Core", _core.BlockingClient, _core.LoopClient)


def _open(kind: type[_Core], settings: Settings) -> _Core:
    try:
        return kind(settings)
    except (ValueError, OverflowError) as e:
        raise InvalidArgumentException(say(str(e)), Service.CACHE) from e


def _not_connected(reason: str) -> ConnectionException:
    return ConnectionException(
        f"Failed to connect to Momento's server within given eager connection timeout: {reason}", Service.CACHE
    )


def _timeout_ms(timeout: timedelta) -> int:
    return max(1, _timedelta_to_ms(timeout))


class BlockingBase:
    """A blocking client that can be closed, by `with` or by `close`. Any number of threads may use it at once; a child
    of a fork has connections of its own."""

    _middlewares: tuple[Any, ...] = ()

    def __init__(self, core: _core.BlockingClient):
        self._core = core
        self._call = core.call

    def _connect(self, timeout: timedelta) -> None:
        answer: Future[Optional[str]] = Future()

        def connect() -> None:
            try:
                answer.set_result(self._core.connect(_timeout_ms(timeout)))
            except BaseException as e:
                answer.set_exception(e)

        # On a thread of its own, so that this one can be interrupted; what comes too late is closed.
        threading.Thread(target=connect, daemon=True).start()
        try:
            problem = answer.result()
            if problem is not None:
                raise _not_connected(problem)
        except BaseException:
            self._core.close()
            raise

    def close(self) -> None:
        """No request begins any more. Those that other threads have under way end first."""
        self._core.close()
        _interception.close_all(self._middlewares)

    def counts(self) -> dict[str, int]:
        """What the client is doing and has done, all zero before its first request and once it is closed: `in_flight`,
        `limit`, `waiting`, `connections`, `calls`, `failures`, `retries`, `refused_retries`, `connects`, `disconnects`,
        and whether the target `is_target_unmet`."""
        return self._core.counts()

    def __del__(self) -> None:
        core: Optional[_core.BlockingClient] = getattr(self, "_core", None)
        if core is not None and core.is_open:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self)


class LoopBase:
    """An asyncio client that can be closed, by `async with` or by `close`. It may be used in several loops, one after
    another or in threads of their own, and has connections for each; so does a child of a fork."""

    _middlewares: tuple[Any, ...] = ()

    def __init__(self, core: _core.LoopClient):
        self._core = core
        self._call = core.call

    async def _connect(self, timeout: timedelta) -> None:
        loop = asyncio.get_running_loop()
        try:
            connection = await loop.run_in_executor(None, self._core.connect, _timeout_ms(timeout))
            if isinstance(connection, str):
                raise _not_connected(connection)
            self._core.take_connection(connection)
        except BaseException:
            self._core.close()
            raise

    async def close(self) -> None:
        """Ends what is under way: its responses are errors with the code CANCELLED_ERROR."""
        self._core.close()
        _interception.close_all(self._middlewares)

    def counts(self) -> dict[str, int]:
        """What the client is doing and has done in the loop that runs, all zero where there is none: `in_flight`,
        `limit`, `waiting`, `connections`, `calls`, `failures`, `retries`, `refused_retries`, `connects`, `disconnects`,
        and whether the target `is_target_unmet`."""
        return self._core.counts()

    def __del__(self) -> None:
        core: Optional[_core.LoopClient] = getattr(self, "_core", None)
        if core is not None and core.is_open:
            core.tidy()
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self)


class BlockingCacheBase(BlockingBase):
    """A blocking client of caches."""

    def __init__(self, configuration: Configuration, credentials: CredentialProvider, default_ttl: timedelta):
        self._middlewares = tuple(configuration.get_sync_middlewares())
        is_intercepted = _interception.is_wanted(configuration, self._middlewares)
        retries = 0 if is_intercepted else retries_of(configuration) or 0
        settings = cache_settings(configuration, credentials, default_ttl, retries)
        super().__init__(_open(_core.BlockingClient, settings))
        if is_intercepted:
            self._call = _interception.Interception(
                self._core, configuration, self._middlewares, settings["default_ttl_ms"]
            ).call


class LoopCacheBase(LoopBase):
    """An asyncio client of caches."""

    def __init__(self, configuration: Configuration, credentials: CredentialProvider, default_ttl: timedelta):
        self._middlewares = tuple(configuration.get_async_middlewares())
        is_intercepted = _interception.is_wanted(configuration, self._middlewares)
        retries = 0 if is_intercepted else retries_of(configuration) or 0
        settings = cache_settings(configuration, credentials, default_ttl, retries)
        super().__init__(_open(_core.LoopClient, settings))
        if is_intercepted:
            self._call = _interception.InterceptionAsync(
                self._core, configuration, self._middlewares, settings["default_ttl_ms"]
            ).call


def open_topics_blocking(configuration: TopicConfiguration, credentials: CredentialProvider) -> _core.BlockingClient:
    """The core of a blocking client of topics."""
    return _open(_core.BlockingClient, topic_settings(configuration, credentials))


def open_topics_loop(configuration: TopicConfiguration, credentials: CredentialProvider) -> _core.LoopClient:
    """The core of an asyncio client of topics."""
    return _open(_core.LoopClient, topic_settings(configuration, credentials))
