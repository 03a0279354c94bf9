"""The settings of a topic client."""

from __future__ import annotations

from datetime import timedelta

from .transport.topic_transport_strategy import TopicTransportStrategy


class TopicConfiguration:
    """Immutable: the `with_` methods give changed copies."""

    def __init__(self, transport_strategy: TopicTransportStrategy, max_subscriptions: int = 0):
        """
        Args:
            transport_strategy: connections and deadline.
            max_subscriptions: how many subscriptions the client may have at once, rounded up to hundreds; 0: 100.
        """
        self._transport_strategy = transport_strategy
        self._max_subscriptions = max_subscriptions

    def get_max_subscriptions(self) -> int:
        """The limit of subscriptions at once, before it is rounded up to hundreds; 0: 100."""
        return self._max_subscriptions

    def with_max_subscriptions(self, max_subscriptions: int) -> TopicConfiguration:
        """A copy with this number."""
        return TopicConfiguration(self._transport_strategy, max_subscriptions)

    def get_transport_strategy(self) -> TopicTransportStrategy:
        """Connections and deadline."""
        return self._transport_strategy

    def with_transport_strategy(self, transport_strategy: TopicTransportStrategy) -> TopicConfiguration:
        """A copy with this strategy."""
        return TopicConfiguration(transport_strategy, self._max_subscriptions)

    def with_client_timeout(self, client_timeout: timedelta) -> TopicConfiguration:
        """A copy with this deadline. InvalidArgumentException unless it is positive."""
        return self.with_transport_strategy(self._transport_strategy.with_client_timeout(client_timeout))
