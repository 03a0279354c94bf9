"""Calls that are looked at on their way: by middleware, by a retry strategy of the application's, or by the log at level
TRACE. Clients without any of these do not come here."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Callable, Optional, TypeVar, Union

from mayfly import _core, logs
from mayfly.config import Configuration
from mayfly.config.middleware import aio, synchronous
from mayfly.config.middleware.models import (
    CONNECTION_ID_KEY,
    Message,
    MiddlewareMessage,
    MiddlewareRequestHandlerContext,
    MiddlewareStatus,
)
from mayfly.errors import StatusCode
from mayfly.internal._methods import path_of, refuse
from mayfly.internal._settings import retries_of
from mayfly.internal.metadata import Metadata
from mayfly.retry import RetryableProps, RetryStrategy

_T = TypeVar("_T")
_Pairs = list[tuple[str, str]]


def is_wanted(configuration: Configuration, middlewares: Sequence[object]) -> bool:
    """Whether a client's calls have to come here."""
    return bool(middlewares) or retries_of(configuration) is None or logs.logger.isEnabledFor(logs.TRACE)


class _Attempts:
    """The tries of one call, until it succeeds or the strategy has had enough."""

    def __init__(self, strategy: RetryStrategy, method: _core.Method, timeout: timedelta):
        self._strategy = strategy
        self._path = path_of(method)
        self._count = 0
        if method.deadline_ms > 0:
            timeout = timedelta(milliseconds=method.deadline_ms)
        self._end_s = time.monotonic() + timeout.total_seconds()
        self._deadline = datetime.now() + timeout

    def next_timeout_ms(self) -> int:
        """How long the next try may take: 1 ms or more."""
        self._count += 1
        left_ms = (self._end_s - time.monotonic()) * 1000
        limit_ms = self._strategy.calculate_retry_deadline(self._deadline)
        return max(1, int(left_ms if limit_ms is None else min(left_ms, limit_ms)))

    def pause_s(self, status: StatusCode) -> Optional[float]:
        """How long to wait before another try; None for no other."""
        if status is StatusCode.OK or time.monotonic() >= self._end_s:
            return None
        props = RetryableProps(status, self._path, self._count, self._deadline)
        pause_s = self._strategy.determine_when_to_retry(props)
        return None if pause_s is None or time.monotonic() + pause_s >= self._end_s else pause_s


# Kinds of arguments (core/arguments.c) that are not called as the parameters of the clients' methods are.
_PARAMETERS = {
    "batch": "items",
    "board_count": "count",
    "collection_ttl": "ttl",
    "dictionary_items": "items",
    "first_rank": "start_rank",
    "incremented_value": "value",
    "message": "value",
    "one_element": "element",
    "one_field": "field",
    "one_key": "key",
    "positive_count": "count",
    "rank_behind": "end_rank",
    "score_below": "max_score",
    "score_of_element": "score",
    "scored_elements": "elements",
    "scores_of_ids": "elements",
    "sorted_set_value": "value",
    "sorted_set_values": "values",
    "value_of_field": "value",
}


class _Exchange:
    """What middleware is shown of one try, and what it may change: the metadata, the cache's name among them."""

    def __init__(self, method: _core.Method, arguments: tuple[object, ...], default_ttl_ms: int):
        self._method = method
        self._default_ttl_ms = default_ttl_ms
        self._names_cache = method.arguments[:1] == ("cache_name",)
        self.arguments = arguments

    def metadata(self) -> _Pairs:
        return [("cache", str(self.arguments[0]))] if self._names_cache and self.arguments else []

    def take_metadata(self, pairs: Sequence[tuple[str, str]]) -> _Pairs:
        """What goes beside the request; the cache's name goes its own way."""
        for name, value in pairs:
            if name == "cache" and self._names_cache and str(self.arguments[0]) != value:
                self.arguments = (value, *self.arguments[1:])
        return [(name, value) for name, value in pairs if name != "cache"]

    def request(self) -> MiddlewareMessage:
        names = (_PARAMETERS.get(name, name) for name in self._method.arguments)
        fields = dict(zip(names, self.arguments))
        size = self._method.request_bytes(self._default_ttl_ms, *self.arguments)
        return MiddlewareMessage(Message(f"_{self._method.name}Request", fields, size))

    def response(self, raw: _core.Raw) -> MiddlewareMessage:
        return MiddlewareMessage(Message(f"_{self._method.name}Response", dict(vars(raw[0])), raw[3]))


def _kept(arguments: tuple[object, ...]) -> tuple[object, ...]:
    """What is looked at several times, and sent perhaps more than once, does not run dry."""
    return tuple(tuple(each) if isinstance(each, Iterator) else each for each in arguments)


def _context() -> MiddlewareRequestHandlerContext:
    return MiddlewareRequestHandlerContext({CONNECTION_ID_KEY: str(uuid.uuid4())})


def _report(hook: Callable[..., object], error: Exception) -> None:
    logs.logger.exception("The middleware's %s failed, and is passed over: %s", hook.__qualname__, error)


def _given_back(hook: Callable[..., object], answer: Optional[_T], value: _T) -> _T:
    if answer is None:
        logs.logger.error("The middleware's %s gave nothing back; it is to return what it was given", hook.__qualname__)
        return value
    return answer


def _trace(method: _core.Method, arguments: tuple[object, ...]) -> None:
    if logs.logger.isEnabledFor(logs.TRACE):
        logs.logger.log(logs.TRACE, "Issuing a %s request with %r", method.name, arguments[:2])


def _trace_end(method: _core.Method, status: StatusCode) -> None:
    if logs.logger.isEnabledFor(logs.TRACE):
        logs.logger.log(logs.TRACE, "Received a %s response: %s", method.name, status.name)


class Interception:
    """The calls of a blocking client."""

    def __init__(
        self,
        core: _core.BlockingClient,
        configuration: Configuration,
        middlewares: Sequence[synchronous.Middleware],
        default_ttl_ms: int,
    ):
        self._core = core
        self._middlewares = middlewares
        self._strategy = configuration.get_retry_strategy()
        self._timeout = configuration.get_transport_strategy().get_grpc_configuration().get_deadline()
        self._default_ttl_ms = default_ttl_ms
        self._context = _context()

    def call(self, method: _core.Method, *arguments: object) -> Any:
        """As the core's own."""
        try:
            return self._attempt_all(method, _kept(arguments))
        except Exception as e:
            return refuse(method, e)

    def _attempt_all(self, method: _core.Method, arguments: tuple[object, ...]) -> Any:
        _trace(method, arguments)
        attempts = _Attempts(self._strategy, method, self._timeout)
        while True:
            response, status = self._attempt(method, arguments, attempts.next_timeout_ms())
            pause_s = attempts.pause_s(status)
            if pause_s is None:
                _trace_end(method, status)
                return response
            time.sleep(pause_s)

    def _attempt(
        self, method: _core.Method, arguments: tuple[object, ...], timeout_ms: int
    ) -> tuple[Any, StatusCode]:
        handlers = []
        for middleware in self._middlewares:
            try:
                handlers.append(middleware.on_new_request(self._context))
            except Exception as e:
                _report(middleware.on_new_request, e)
        exchange = _Exchange(method, arguments, self._default_ttl_ms)
        sent = self._apply(
            [h.on_request_metadata for h in handlers], synchronous.MiddlewareMetadata(exchange.metadata())
        )
        metadata = exchange.take_metadata(sent.grpc_metadata or [])
        if handlers:
            self._apply([h.on_request_body for h in handlers], exchange.request())
        raw = self._core.call_raw(method, exchange.arguments, metadata, timeout_ms)
        status = StatusCode.from_number(raw[1])
        handlers.reverse()
        self._apply([h.on_response_metadata for h in handlers], synchronous.MiddlewareMetadata(raw[2]))
        if status is StatusCode.OK:
            self._apply([h.on_response_body for h in handlers], exchange.response(raw))
        seen = self._apply([h.on_response_status for h in handlers], MiddlewareStatus(status))
        return raw[0], seen.grpc_status

    def _apply(self, hooks: Sequence[Callable[[_T], _T]], value: _T) -> _T:
        for hook in hooks:
            try:
                value = _given_back(hook, hook(value), value)
            except Exception as e:
                _report(hook, e)
        return value


class InterceptionAsync:
    """The calls of an asyncio client."""

    def __init__(
        self,
        core: _core.LoopClient,
        configuration: Configuration,
        middlewares: Sequence[aio.Middleware],
        default_ttl_ms: int,
    ):
        self._core = core
        self._middlewares = middlewares
        self._strategy = configuration.get_retry_strategy()
        self._timeout = configuration.get_transport_strategy().get_grpc_configuration().get_deadline()
        self._default_ttl_ms = default_ttl_ms
        self._context = _context()

    async def call(self, method: _core.Method, *arguments: object) -> Any:
        """As the core's own."""
        try:
            return await self._attempt_all(method, _kept(arguments))
        except Exception as e:
            return refuse(method, e)

    async def _attempt_all(self, method: _core.Method, arguments: tuple[object, ...]) -> Any:
        _trace(method, arguments)
        attempts = _Attempts(self._strategy, method, self._timeout)
        while True:
            response, status = await self._attempt(method, arguments, attempts.next_timeout_ms())
            pause_s = attempts.pause_s(status)
            if pause_s is None:
                _trace_end(method, status)
                return response
            await asyncio.sleep(pause_s)

    async def _attempt(
        self, method: _core.Method, arguments: tuple[object, ...], timeout_ms: int
    ) -> tuple[Any, StatusCode]:
        handlers = []
        for middleware in self._middlewares:
            try:
                handlers.append(await middleware.on_new_request(self._context))
            except Exception as e:
                _report(middleware.on_new_request, e)
        exchange = _Exchange(method, arguments, self._default_ttl_ms)
        sent = await self._apply(
            [h.on_request_metadata for h in handlers], aio.MiddlewareMetadata(Metadata(*exchange.metadata()))
        )
        metadata = exchange.take_metadata(list(sent.grpc_metadata or ()))
        if handlers:
            await self._apply([h.on_request_body for h in handlers], exchange.request())
        raw = await self._core.call_raw(method, exchange.arguments, metadata, timeout_ms)
        status = StatusCode.from_number(raw[1])
        handlers.reverse()
        await self._apply([h.on_response_metadata for h in handlers], aio.MiddlewareMetadata(Metadata(*raw[2])))
        if status is StatusCode.OK:
            await self._apply([h.on_response_body for h in handlers], exchange.response(raw))
        seen = await self._apply([h.on_response_status for h in handlers], MiddlewareStatus(status))
        return raw[0], seen.grpc_status

    async def _apply(self, hooks: Sequence[Callable[[_T], Awaitable[_T]]], value: _T) -> _T:
        for hook in hooks:
            try:
                value = _given_back(hook, await hook(value), value)
            except Exception as e:
                _report(hook, e)
        return value


Middlewares = Union[Sequence[aio.Middleware], Sequence[synchronous.Middleware]]


def close_all(middlewares: Middlewares) -> None:
    """Tells middleware that its client is closed."""
    for middleware in middlewares:
        try:
            middleware.close()
        except Exception as e:
            _report(middleware.close, e)
