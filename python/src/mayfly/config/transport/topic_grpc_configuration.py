"""The settings of the topic client's connections."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from typing import Optional


class TopicGrpcConfiguration(ABC):
    """Immutable: the `with_` methods give changed copies."""

    @abstractmethod
    def get_deadline(self) -> timedelta:
        """How long a publish, or the start of a subscription, may take."""

    @abstractmethod
    def with_deadline(self, deadline: timedelta) -> TopicGrpcConfiguration:
        """A copy with this deadline. InvalidArgumentException unless it is positive."""

    @abstractmethod
    def get_max_send_message_length(self) -> Optional[int]:
        """The largest request in bytes; None: 5,243,000; -1: 1 GiB."""

    @abstractmethod
    def get_max_receive_message_length(self) -> Optional[int]:
        """The largest item in bytes; None: 5,243,000; -1: 1 GiB."""

    @abstractmethod
    def get_keepalive_permit_without_calls(self) -> Optional[int]:
        """Kept for the SDK's sake, without effect: keepalive asks connections with and without calls alike."""

    @abstractmethod
    def get_keepalive_time(self) -> Optional[timedelta]:
        """A connection on which nothing came for so long is asked for a sign of life; None: never, but 5 s for
        subscriptions."""

    @abstractmethod
    def get_keepalive_timeout(self) -> Optional[timedelta]:
        """One that does not answer for so long is given up; None: 1 s."""
