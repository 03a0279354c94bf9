"""Middleware of both kinds that keeps what it is shown, adds metadata, and fails where it is told to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from support import ASYNCIO

from mayfly.config.middleware import (
    Metadata,
    MiddlewareMessage,
    MiddlewareRequestHandlerContext,
    MiddlewareStatus,
    aio,
    synchronous,
)
from mayfly.errors import StatusCode



@dataclass
class Watch:
    """What middleware saw."""

    name: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    failing: str = ""
    seen: list[str] = field(default_factory=list)
    contexts: list[MiddlewareRequestHandlerContext] = field(default_factory=list)
    sent: list[list[tuple[str, str]]] = field(default_factory=list)
    received: list[list[tuple[str, str]]] = field(default_factory=list)
    requests: list[MiddlewareMessage] = field(default_factory=list)
    responses: list[MiddlewareMessage] = field(default_factory=list)
    statuses: list[StatusCode] = field(default_factory=list)
    closed: int = 0

    def see(self, hook: str) -> None:
        """Note a hook, and fail where this is the one."""
        self.seen.append(f"{self.name} {hook}".strip())
        if hook == self.failing:
            raise RuntimeError("it broke")

    def new(self, context: MiddlewareRequestHandlerContext) -> None:
        self.see("new")
        self.contexts.append(context)

    def request_metadata(self, shown: Any) -> Any:
        self.see("request metadata")
        self.sent.append(list(shown.grpc_metadata or ()))
        if not self.metadata:
            return shown
        pairs = [*(shown.grpc_metadata or ()), *self.metadata.items()]
        return type(shown)(Metadata(*pairs) if isinstance(shown, aio.MiddlewareMetadata) else pairs)

    def request_body(self, message: MiddlewareMessage) -> MiddlewareMessage:
        self.see("request body")
        self.requests.append(message)
        return message

    def response_metadata(self, shown: Any) -> Any:
        self.see("response metadata")
        self.received.append(list(shown.grpc_metadata or ()))
        return shown

    def response_body(self, message: MiddlewareMessage) -> MiddlewareMessage:
        self.see("response body")
        self.responses.append(message)
        return message

    def response_status(self, status: MiddlewareStatus) -> MiddlewareStatus:
        self.see("response status")
        self.statuses.append(status.grpc_status)
        return status


class _Handler(synchronous.MiddlewareRequestHandler):
    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def on_request_metadata(self, metadata: synchronous.MiddlewareMetadata) -> synchronous.MiddlewareMetadata:
        return self._watch.request_metadata(metadata)

    def on_request_body(self, request: MiddlewareMessage) -> MiddlewareMessage:
        return self._watch.request_body(request)

    def on_response_metadata(self, metadata: synchronous.MiddlewareMetadata) -> synchronous.MiddlewareMetadata:
        return self._watch.response_metadata(metadata)

    def on_response_body(self, response: MiddlewareMessage) -> MiddlewareMessage:
        return self._watch.response_body(response)

    def on_response_status(self, status: MiddlewareStatus) -> MiddlewareStatus:
        return self._watch.response_status(status)


class _Middleware(synchronous.Middleware):
    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def on_new_request(self, context: MiddlewareRequestHandlerContext) -> _Handler:
        self._watch.new(context)
        return _Handler(self._watch)

    def close(self) -> None:
        self._watch.closed += 1


class _HandlerAsync(aio.MiddlewareRequestHandler):
    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    async def on_request_metadata(self, metadata: aio.MiddlewareMetadata) -> aio.MiddlewareMetadata:
        return self._watch.request_metadata(metadata)

    async def on_request_body(self, request: MiddlewareMessage) -> MiddlewareMessage:
        return self._watch.request_body(request)

    async def on_response_metadata(self, metadata: aio.MiddlewareMetadata) -> aio.MiddlewareMetadata:
        return self._watch.response_metadata(metadata)

    async def on_response_body(self, response: MiddlewareMessage) -> MiddlewareMessage:
        return self._watch.response_body(response)

    async def on_response_status(self, status: MiddlewareStatus) -> MiddlewareStatus:
        return self._watch.response_status(status)


class _MiddlewareAsync(aio.Middleware):
    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    async def on_new_request(self, context: MiddlewareRequestHandlerContext) -> _HandlerAsync:
        self._watch.new(context)
        return _HandlerAsync(self._watch)

    def close(self) -> None:
        self._watch.closed += 1


def middleware_of(kind: str, watch: Watch) -> Any:
    """Return middleware for a client of that kind which tells a watch of what it sees."""
    return _MiddlewareAsync(watch) if kind == ASYNCIO else _Middleware(watch)
