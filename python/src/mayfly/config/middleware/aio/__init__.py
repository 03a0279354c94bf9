"""Middleware of the asyncio clients."""

from ..metadata import Metadata
from .middleware import Middleware, MiddlewareRequestHandler
from .middleware_metadata import MiddlewareMetadata

__all__ = ["Metadata", "Middleware", "MiddlewareMetadata", "MiddlewareRequestHandler"]
