"""Configurations of topic clients. `latest()` may change with a release, the numbered versions do not."""

from __future__ import annotations

from datetime import timedelta

from .topic_configuration import TopicConfiguration
from .transport.topic_transport_strategy import StaticTopicGrpcConfiguration, StaticTopicTransportStrategy


class TopicConfigurations:
    """One for all places so far."""

    class Default(TopicConfiguration):
        """5 s a publish, 100 subscriptions."""

        @staticmethod
        def latest() -> TopicConfigurations.Default:
            """`v1()`."""
            return TopicConfigurations.Default.v1()

        @staticmethod
        def v1() -> TopicConfigurations.Default:
            """As the class says."""
            return TopicConfigurations.Default(
                StaticTopicTransportStrategy(StaticTopicGrpcConfiguration(timedelta(seconds=5))), max_subscriptions=0
            )
