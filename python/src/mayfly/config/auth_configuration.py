"""The settings of an auth client."""

from __future__ import annotations

from datetime import timedelta

from mayfly.retry import RetryStrategy

from .transport.transport_strategy import TransportStrategy


class AuthConfiguration:
    """Immutable: the `with_` methods give changed copies."""

    def __init__(self, transport_strategy: TransportStrategy, retry_strategy: RetryStrategy):
        """
        Args:
            transport_strategy: connections and deadline.
            retry_strategy: whether and when a request that failed is sent again.
        """
        self._transport_strategy = transport_strategy
        self._retry_strategy = retry_strategy

    def get_retry_strategy(self) -> RetryStrategy:
        """Whether and when a request that failed is sent again."""
        return self._retry_strategy

    def with_retry_strategy(self, retry_strategy: RetryStrategy) -> AuthConfiguration:
        """A copy with this strategy."""
        return AuthConfiguration(self._transport_strategy, retry_strategy)

    def get_transport_strategy(self) -> TransportStrategy:
        """Connections and deadline."""
        return self._transport_strategy

    def with_transport_strategy(self, transport_strategy: TransportStrategy) -> AuthConfiguration:
        """A copy with this strategy."""
        return AuthConfiguration(transport_strategy, self._retry_strategy)

    def with_client_timeout(self, client_timeout: timedelta) -> AuthConfiguration:
        """A copy with this deadline. InvalidArgumentException unless it is positive."""
        return self.with_transport_strategy(self._transport_strategy.with_client_timeout(client_timeout))
