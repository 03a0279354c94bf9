"""The settings of a cache client."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import List, Optional

from mayfly.retry import RetryStrategy

from .middleware import Middleware
from .middleware.aio import Middleware as AsyncMiddleware
from .middleware.synchronous import Middleware as SyncMiddleware
from .transport.transport_strategy import TransportStrategy


class Configuration:
    """Immutable: the `with_` methods give changed copies."""

    def __init__(
        self,
        transport_strategy: TransportStrategy,
        retry_strategy: RetryStrategy,
        middlewares: Optional[List[Middleware]] = None,
    ):
        """
        Args:
            transport_strategy: connections, deadline, and how many requests are on the wire at once.
            retry_strategy: whether and when a request that failed is sent again.
            middlewares: see each request, in this order. Each client takes those of its own kind.
        """
        self._transport_strategy = transport_strategy
        self._retry_strategy = retry_strategy
        self._middlewares: List[Middleware] = list(middlewares or [])

    def get_retry_strategy(self) -> RetryStrategy:
        """Whether and when a request that failed is sent again."""
        return self._retry_strategy

    def with_retry_strategy(self, retry_strategy: RetryStrategy) -> Configuration:
        """A copy with this strategy."""
        return Configuration(self._transport_strategy, retry_strategy, self._middlewares)

    def get_transport_strategy(self) -> TransportStrategy:
        """Connections, deadline, and how many requests are on the wire at once."""
        return self._transport_strategy

    def with_transport_strategy(self, transport_strategy: TransportStrategy) -> Configuration:
        """A copy with this strategy."""
        return Configuration(transport_strategy, self._retry_strategy, self._middlewares)

    def with_client_timeout(self, client_timeout: timedelta) -> Configuration:
        """A copy with this deadline of requests. InvalidArgumentException unless it is positive."""
        return self.with_transport_strategy(self._transport_strategy.with_client_timeout(client_timeout))

    def with_root_certificates_pem(self, root_certificates_pem_path: Path) -> Configuration:
        """A copy that trusts the certificates in that file. FileNotFoundError or PermissionError where it cannot be
        read."""
        grpc_configuration = self._transport_strategy.get_grpc_configuration()
        return self.with_transport_strategy(
            self._transport_strategy.with_grpc_configuration(
                grpc_configuration.with_root_certificates_pem(root_certificates_pem_path)
            )
        )

    def with_middlewares(self, middlewares: List[Middleware]) -> Configuration:
        """A copy with these instead of those it has."""
        return Configuration(self._transport_strategy, self._retry_strategy, middlewares)

    def add_middleware(self, middleware: Middleware) -> Configuration:
        """A copy with this one behind those it has."""
        return self.with_middlewares([*self._middlewares, middleware])

    def get_middlewares(self) -> List[Middleware]:
        """A copy of the list of all of them."""
        return self._middlewares.copy()

    def get_async_middlewares(self) -> List[AsyncMiddleware]:
        """Those of asyncio clients."""
        return [m for m in self._middlewares if isinstance(m, AsyncMiddleware)]

    def get_sync_middlewares(self) -> List[SyncMiddleware]:
        """Those of blocking clients."""
        return [m for m in self._middlewares if isinstance(m, SyncMiddleware)]
