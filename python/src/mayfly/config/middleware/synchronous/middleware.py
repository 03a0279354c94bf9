"""Middleware of the blocking clients."""

from abc import ABC, abstractmethod

from ..models import MiddlewareMessage, MiddlewareRequestHandlerContext, MiddlewareStatus
from .middleware_metadata import MiddlewareMetadata


class MiddlewareRequestHandler(ABC):
    """Sees the steps of one attempt of a request, in the order below. Each method gives back what it was given; the
    metadata of the request may be changed, the rest is to be seen."""

    @abstractmethod
    def on_request_metadata(self, metadata: MiddlewareMetadata) -> MiddlewareMetadata:
        """Before the request is sent."""

    @abstractmethod
    def on_request_body(self, request: MiddlewareMessage) -> MiddlewareMessage:
        """Before the request is sent."""

    @abstractmethod
    def on_response_metadata(self, metadata: MiddlewareMetadata) -> MiddlewareMetadata:
        """The metadata that came with the reply: gRPC's trailers."""

    @abstractmethod
    def on_response_body(self, response: MiddlewareMessage) -> MiddlewareMessage:
        """The reply."""

    @abstractmethod
    def on_response_status(self, status: MiddlewareStatus) -> MiddlewareStatus:
        """The end."""


class Middleware(ABC):
    """Makes a handler for each attempt of a request. What it or a handler raises is logged and passed over."""

    @abstractmethod
    def on_new_request(self, context: MiddlewareRequestHandlerContext) -> MiddlewareRequestHandler:
        """The handler of an attempt that begins."""

    def close(self) -> None:
        """The client is closed: give back what you hold."""
        return None
