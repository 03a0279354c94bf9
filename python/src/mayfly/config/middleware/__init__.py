"""Middleware: code of the application's that sees each request and its reply."""

from typing import Union

from .aio import Middleware as AsyncMiddleware
from .metadata import Metadata
from .models import (
    CONNECTION_ID_KEY,
    Message,
    MiddlewareMessage,
    MiddlewareRequestHandlerContext,
    MiddlewareStatus,
)
from .synchronous import Middleware as SyncMiddleware

Middleware = Union[SyncMiddleware, AsyncMiddleware]

__all__ = [
    "CONNECTION_ID_KEY",
    "Message",
    "Metadata",
    "Middleware",
    "MiddlewareMessage",
    "MiddlewareRequestHandlerContext",
    "MiddlewareStatus",
]
