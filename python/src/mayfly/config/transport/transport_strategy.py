"""How requests reach the service: the settings of connections, and how many requests are on the wire at once."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from datetime import timedelta
from pathlib import Path
from typing import Optional, TypeVar

from mayfly.errors import InvalidArgumentException
from mayfly.internal._utilities import _validate_request_timeout
from mayfly.internal.services import Service

from .grpc_configuration import GrpcConfiguration

_MAX_CONNECTIONS = 1024
_MAX_CONCURRENT_REQUESTS = 1_000_000
_MAX_WAITING_REQUESTS = 10_000_000
_MAX_TARGET = timedelta(hours=1)


def _validate_count(count: int, name: str, least: int, most: int) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or not least <= count <= most:
        raise InvalidArgumentException(f"{name} must be a whole number from {least:,} to {most:,}.", Service.CACHE)


class TransportStrategy(ABC):
    """Immutable: the `with_` methods give changed copies."""

    @abstractmethod
    def get_grpc_configuration(self) -> GrpcConfiguration:
        """The settings of connections and of calls on them."""

    @abstractmethod
    def with_grpc_configuration(self, grpc_configuration: GrpcConfiguration) -> TransportStrategy:
        """A copy with those settings."""

    @abstractmethod
    def with_client_timeout(self, client_timeout: timedelta) -> TransportStrategy:
        """A copy with this deadline of requests. InvalidArgumentException unless it is positive."""


class StaticGrpcConfiguration(GrpcConfiguration):
    """Settings that are given once; see the getters of `GrpcConfiguration` for what each means.

    `min_connections` and `max_connections` are 1 to 1,024, the second not below the first; InvalidArgumentException
    otherwise.
    """

    def __init__(
        self,
        deadline: timedelta,
        root_certificates_pem: Optional[bytes] = None,
        max_send_message_length: Optional[int] = None,
        max_receive_message_length: Optional[int] = None,
        keepalive_permit_without_calls: Optional[bool] = True,
        keepalive_time: Optional[timedelta] = timedelta(milliseconds=5000),
        keepalive_timeout: Optional[timedelta] = timedelta(milliseconds=1000),
        *,
        min_connections: int = 1,
        max_connections: int = 64,
    ):
        _validate_count(min_connections, "min_connections", 1, _MAX_CONNECTIONS)
        _validate_count(max_connections, "max_connections", min_connections, _MAX_CONNECTIONS)
        self._deadline = deadline
        self._root_certificates_pem = root_certificates_pem
        self._max_send_message_length = max_send_message_length
        self._max_receive_message_length = max_receive_message_length
        self._keepalive_permit_without_calls = keepalive_permit_without_calls
        self._keepalive_time = keepalive_time
        self._keepalive_timeout = keepalive_timeout
        self._min_connections = min_connections
        self._max_connections = max_connections

    def get_deadline(self) -> timedelta:
        return self._deadline

    def with_deadline(self, deadline: timedelta) -> StaticGrpcConfiguration:
        _validate_request_timeout(deadline)
        changed = copy.copy(self)
        changed._deadline = deadline
        return changed

    def with_root_certificates_pem(self, root_certificates_pem_path: Path) -> StaticGrpcConfiguration:
        try:
            pem = Path(root_certificates_pem_path).read_bytes()
        except FileNotFoundError as e:
            raise FileNotFoundError(f"Root certificate file not found at path: {root_certificates_pem_path}") from e
        except PermissionError as e:
            raise PermissionError(f"Root certificate file not readable at path: {root_certificates_pem_path}") from e
        changed = copy.copy(self)
        changed._root_certificates_pem = pem
        return changed

    def get_root_certificates_pem(self) -> Optional[bytes]:
        return self._root_certificates_pem

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

    def get_min_connections(self) -> int:
        return self._min_connections

    def get_max_connections(self) -> int:
        return self._max_connections


_Strategy = TypeVar("_Strategy", bound="_LimitingTransportStrategy")


class _LimitingTransportStrategy(TransportStrategy):
    """What the strategies below share. Numbers outside their ranges give InvalidArgumentException."""

    def __init__(self, grpc_configuration: GrpcConfiguration, max_concurrent_requests: int, max_waiting_requests: int):
        _validate_count(max_concurrent_requests, "max_concurrent_requests", 1, _MAX_CONCURRENT_REQUESTS)
        _validate_count(max_waiting_requests, "max_waiting_requests", 0, _MAX_WAITING_REQUESTS)
        self._grpc_configuration = grpc_configuration
        self._max_concurrent_requests = max_concurrent_requests
        self._max_waiting_requests = max_waiting_requests

    def get_grpc_configuration(self) -> GrpcConfiguration:
        return self._grpc_configuration

    def with_grpc_configuration(self: _Strategy, grpc_configuration: GrpcConfiguration) -> _Strategy:
        changed = copy.copy(self)
        changed._grpc_configuration = grpc_configuration
        return changed

    def with_client_timeout(self: _Strategy, client_timeout: timedelta) -> _Strategy:
        return self.with_grpc_configuration(self._grpc_configuration.with_deadline(client_timeout))

    def get_max_concurrent_requests(self) -> int:
        """The most requests on the wire at once, on all connections."""
        return self._max_concurrent_requests

    def with_max_concurrent_requests(self: _Strategy, max_concurrent_requests: int) -> _Strategy:
        """A copy with this limit, 1 to 1,000,000."""
        _validate_count(max_concurrent_requests, "max_concurrent_requests", 1, _MAX_CONCURRENT_REQUESTS)
        changed = copy.copy(self)
        changed._max_concurrent_requests = max_concurrent_requests
        return changed

    def get_max_waiting_requests(self) -> int:
        """The requests that wait beside those on the wire; one more fails at once."""
        return self._max_waiting_requests

    def with_max_waiting_requests(self: _Strategy, max_waiting_requests: int) -> _Strategy:
        """A copy with this limit, 0 to 10,000,000."""
        _validate_count(max_waiting_requests, "max_waiting_requests", 0, _MAX_WAITING_REQUESTS)
        changed = copy.copy(self)
        changed._max_waiting_requests = max_waiting_requests
        return changed


class StaticTransportStrategy(_LimitingTransportStrategy):
    """A fixed number of requests on the wire at once: `max_concurrent_requests`."""

    def __init__(
        self,
        grpc_configuration: GrpcConfiguration,
        *,
        max_concurrent_requests: int = 100,
        max_waiting_requests: int = 100_000,
    ):
        super().__init__(grpc_configuration, max_concurrent_requests, max_waiting_requests)


class AdaptiveTransportStrategy(_LimitingTransportStrategy):
    """Finds by itself how many requests are on the wire at once, `max_concurrent_requests` at most.

    With a target, as many as bring throughput while 999 of a thousand requests take no longer than `target_p999` on
    the wire. Without one, as many as bring throughput before requests queue in the server.
    """

    def __init__(
        self,
        grpc_configuration: GrpcConfiguration,
        *,
        target_p999: Optional[timedelta] = None,
        max_concurrent_requests: int = 6400,
        max_waiting_requests: int = 100_000,
    ):
        super().__init__(grpc_configuration, max_concurrent_requests, max_waiting_requests)
        _validate_target(target_p999)
        self._target_p999 = target_p999

    def get_target_p999(self) -> Optional[timedelta]:
        """The target; None where there is none."""
        return self._target_p999

    def with_target_p999(self, target_p999: Optional[timedelta]) -> AdaptiveTransportStrategy:
        """A copy with this target, more than 0 and at most an hour, or without one."""
        _validate_target(target_p999)
        changed = copy.copy(self)
        changed._target_p999 = target_p999
        return changed


def _validate_target(target_p999: Optional[timedelta]) -> None:
    if target_p999 is None:
        return
    if not isinstance(target_p999, timedelta) or not timedelta(0) < target_p999 <= _MAX_TARGET:
        raise InvalidArgumentException(
            "target_p999 must be a timedelta of more than 0 and at most 1 hour.", Service.CACHE
        )
