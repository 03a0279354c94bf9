"""Middleware of the blocking clients."""

from .middleware import Middleware, MiddlewareRequestHandler
from .middleware_metadata import MiddlewareMetadata

__all__ = ["Middleware", "MiddlewareMetadata", "MiddlewareRequestHandler"]
