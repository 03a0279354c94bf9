"""How the topic client reaches the service."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from datetime import timedelta
from typing import Optional

from mayfly.internal._utilities import _validate_request_timeout

from .topic_grpc_configuration import TopicGrpcConfiguration


class TopicTransportStrategy(ABC):
    """Immutable: the `with_` methods give changed copies."""

    @abstractmethod
    def get_grpc_configuration(self) -> TopicGrpcConfiguration:
        """The settings of connections."""

    @abstractmethod
    def with_grpc_configuration(self, grpc_configuration: TopicGrpcConfiguration) -> TopicTransportStrategy:
        """A copy with those settings."""

    @abstractmethod
    def with_client_timeout(self, client_timeout: timedelta) -> TopicTransportStrategy:
        """A copy with this deadline. InvalidArgumentException unless it is positive."""


class StaticTopicGrpcConfiguration(TopicGrpcConfiguration):
    """Settings that are given once; see the getters of `TopicGrpcConfiguration` for what each means."""

    def __init__(
        self,
        deadline: timedelta,
        max_send_message_length: Optional[int] = None,
        max_receive_message_length: Optional[int] = None,
        keepalive_permit_without_calls: Optional[bool] = True,
        keepalive_time: Optional[timedelta] = timedelta(milliseconds=5000),
        keepalive_timeout: Optional[timedelta] = timedelta(milliseconds=1000),
    ):
        self._deadline = deadline
        self._max_send_message_length = max_send_message_length
        self._max_receive_message_length = max_receive_message_length
        self._keepalive_permit_without_calls = keepalive_permit_without_calls
        self._keepalive_time = keepalive_time
        self._keepalive_timeout = keepalive_timeout

    def get_deadline(self) -> timedelta:
        return self._deadline

    def with_deadline(self, deadline: timedelta) -> StaticTopicGrpcConfiguration:
        _validate_request_timeout(deadline)
        changed = copy.copy(self)
        changed._deadline = deadline
        return changed

    def get_max_send_message_length(self) -> Optional[int]:
        return self._max_send_message_length

    def get_max_receive_message_length(self) -> Optional[int]:
        return self._max_receive_message_length

    def get_keepalive_permit_without_calls(self) -> Optional[int]:
        return None if self._keepalive_permit_without_calls is None else int(self._keepalive_permit_without_calls)

    def get_keepalive_time(self) -> Optional[timedelta]:
        return self._keepalive_time

    def get_keepalive_timeout(self) -> Optional[timedelta]:
        return self._keepalive_timeout


class StaticTopicTransportStrategy(TopicTransportStrategy):
    """Settings that are given once."""

    def __init__(self, grpc_configuration: TopicGrpcConfiguration):
        self._grpc_configuration = grpc_configuration

    def get_grpc_configuration(self) -> TopicGrpcConfiguration:
        return self._grpc_configuration

    def with_grpc_configuration(self, grpc_configuration: TopicGrpcConfiguration) -> StaticTopicTransportStrategy:
        return StaticTopicTransportStrategy(grpc_configuration)

    def with_client_timeout(self, client_timeout: timedelta) -> StaticTopicTransportStrategy:
        return self.with_grpc_configuration(self._grpc_configuration.with_deadline(client_timeout))
