"""What the C core is told of configurations and credentials."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Optional, Union

from mayfly.auth import CredentialProvider
from mayfly.config import Configuration, TopicConfiguration
from mayfly.config.transport.grpc_configuration import GrpcConfiguration
from mayfly.config.transport.topic_grpc_configuration import TopicGrpcConfiguration
from mayfly.config.transport.transport_strategy import AdaptiveTransportStrategy, StaticTransportStrategy
from mayfly.errors import InvalidArgumentException
from mayfly.internal._utilities import _timedelta_to_ms, _validate_request_timeout, _validate_timedelta_ttl
from mayfly.internal.services import Service
from mayfly.retry import DefaultEligibilityStrategy, FixedCountRetryStrategy

Settings = dict[str, Any]

_MESSAGE_BYTES = 5_243_000
_MESSAGE_BYTES_MAX = 1 << 30
_MAX_WAITING_REQUESTS = 100_000
_STATIC_REQUESTS = 100


def _validate_kind(given: object, kind: type, name: str) -> None:
    if not isinstance(given, kind):
        raise InvalidArgumentException(f"{name} must be a {kind.__name__}. Given type: {type(given)}", Service.CACHE)


def _milliseconds(duration: Optional[timedelta]) -> int:
    """At least 1, for what is more than nothing."""
    return 0 if duration is None else max(1, _timedelta_to_ms(duration))


def _keepalive(duration: Optional[timedelta], name: str, otherwise_ms: int) -> int:
    if duration is None:
        return otherwise_ms
    _validate_timedelta_ttl(duration, name)
    return _milliseconds(duration)


def _message_bytes(length: Optional[int]) -> int:
    """-1 is gRPC's way to say that there is no limit."""
    if length is None:
        return _MESSAGE_BYTES
    return _MESSAGE_BYTES_MAX if length == -1 else length


def _message_settings(grpc: Union[GrpcConfiguration, TopicGrpcConfiguration]) -> Settings:
    return {
        "deadline_ms": _milliseconds(grpc.get_deadline()),
        "keepalive_interval_ms": _keepalive(grpc.get_keepalive_time(), "keepalive_time", 0),
        "keepalive_timeout_ms": _keepalive(grpc.get_keepalive_timeout(), "keepalive_timeout", 1000),
        "max_request_bytes": _message_bytes(grpc.get_max_send_message_length()),
        "max_reply_bytes": _message_bytes(grpc.get_max_receive_message_length()),
    }


def _host_and_port(endpoint: str, port: int) -> tuple[str, int]:
    """An endpoint that names a port of its own has it behind a colon; an IPv6 address is in brackets then."""
    named = re.fullmatch(r"(\[[^\]]*\]|[^:]*):(\d+)", endpoint)
    return (named[1].strip("[]"), int(named[2])) if named else (endpoint.strip("[]"), port)


def _credential_settings(credentials: CredentialProvider) -> Settings:
    cache_host, port = _host_and_port(credentials.cache_endpoint, credentials.port)
    control_host, control_port = _host_and_port(credentials.control_endpoint, credentials.port)
    if control_port != port:
        raise InvalidArgumentException("The cache and control endpoints must have the same port.", Service.AUTH)
    return {
        "cache_host": cache_host,
        "control_host": control_host,
        "port": port,
        "uses_tls": credentials.is_endpoint_secure(),
        "api_key": credentials.auth_token,
    }


def retries_of(configuration: Configuration) -> Optional[int]:
    """How many further attempts the core makes by itself; None where the strategy wants to be asked each time."""
    strategy = configuration.get_retry_strategy()
    if type(strategy) is FixedCountRetryStrategy and type(strategy._eligibility_strategy) is DefaultEligibilityStrategy:
        return max(0, min(100, strategy._max_attempts))
    return None


def _concurrency_settings(configuration: Configuration) -> Settings:
    strategy = configuration.get_transport_strategy()
    if isinstance(strategy, AdaptiveTransportStrategy):
        target = strategy.get_target_p999()
        return {
            "is_adaptive": True,
            "target_p999_us": 0 if target is None else max(1, target // timedelta(microseconds=1)),
            "max_in_flight": strategy.get_max_concurrent_requests(),
            "max_backlog": strategy.get_max_waiting_requests(),
        }
    if isinstance(strategy, StaticTransportStrategy):
        return {
            "max_in_flight": strategy.get_max_concurrent_requests(),
            "max_backlog": strategy.get_max_waiting_requests(),
        }
    return {"max_in_flight": _STATIC_REQUESTS, "max_backlog": _MAX_WAITING_REQUESTS}


def cache_settings(
    configuration: Configuration, credentials: CredentialProvider, default_ttl: timedelta, retries: int
) -> Settings:
    """Settings of a client of caches. InvalidArgumentException for what makes no sense."""
    _validate_kind(configuration, Configuration, "configuration")
    _validate_kind(credentials, CredentialProvider, "credential_provider")
    grpc = configuration.get_transport_strategy().get_grpc_configuration()
    _validate_request_timeout(grpc.get_deadline())
    _validate_timedelta_ttl(default_ttl, "TTL")
    return {
        **_message_settings(grpc),
        **_concurrency_settings(configuration),
        **_credential_settings(credentials),
        "retries": retries,
        "min_channels": grpc.get_min_connections(),
        "max_channels": grpc.get_max_connections(),
        "ca_pem": grpc.get_root_certificates_pem(),
        "default_ttl_ms": _milliseconds(default_ttl),
    }


def topic_settings(configuration: TopicConfiguration, credentials: CredentialProvider) -> Settings:
    """Settings of a client of topics. InvalidArgumentException for what makes no sense."""
    _validate_kind(configuration, TopicConfiguration, "configuration")
    _validate_kind(credentials, CredentialProvider, "credential_provider")
    grpc = configuration.get_transport_strategy().get_grpc_configuration()
    _validate_request_timeout(grpc.get_deadline())
    return {
        **_message_settings(grpc),
        **_credential_settings(credentials),
        "retries": 0,
        "is_adaptive": True,
        "max_backlog": _MAX_WAITING_REQUESTS,
    }
