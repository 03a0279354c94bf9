"""Configurations for common places. `latest()` may change with a release, the numbered versions do not."""

from __future__ import annotations

from datetime import timedelta
from typing import Optional

from mayfly.retry import FixedCountRetryStrategy

from .configuration import Configuration
from .transport.transport_strategy import (
    AdaptiveTransportStrategy,
    StaticGrpcConfiguration,
    StaticTransportStrategy,
)


def _grpc(deadline_ms: int) -> StaticGrpcConfiguration:
    return StaticGrpcConfiguration(timedelta(milliseconds=deadline_ms))


def _grpc_lambda() -> StaticGrpcConfiguration:
    return StaticGrpcConfiguration(
        timedelta(milliseconds=1100),
        keepalive_permit_without_calls=False,
        keepalive_time=None,
        keepalive_timeout=None,
        max_connections=1,
    )


def _adaptive(grpc: StaticGrpcConfiguration, target_ms: Optional[int]) -> AdaptiveTransportStrategy:
    target = None if target_ms is None else timedelta(milliseconds=target_ms)
    return AdaptiveTransportStrategy(grpc, target_p999=target)


def _static(grpc: StaticGrpcConfiguration, max_concurrent_requests: int) -> StaticTransportStrategy:
    return StaticTransportStrategy(grpc, max_concurrent_requests=max_concurrent_requests)


class Configurations:
    """All of them repeat what failed and may be repeated up to three times."""

    class Laptop(Configuration):
        """For development, far from the cache: 15 s a request."""

        @staticmethod
        def latest() -> Configurations.Laptop:
            """The most throughput before requests queue in the server."""
            return Configurations.Laptop(_adaptive(_grpc(15_000), None), FixedCountRetryStrategy(max_attempts=3))

        @staticmethod
        def v1() -> Configurations.Laptop:
            """100 requests at once."""
            return Configurations.Laptop(_static(_grpc(15_000), 100), FixedCountRetryStrategy(max_attempts=3))

    class Lambda(Configuration):
        """For functions that are frozen between requests: 1.1 s a request, one connection, no keepalive."""

        @staticmethod
        def latest() -> Configurations.Lambda:
            """The most throughput with p99.9 within 20 ms."""
            return Configurations.Lambda(_adaptive(_grpc_lambda(), 20), FixedCountRetryStrategy(max_attempts=3))

        @staticmethod
        def v1() -> Configurations.Lambda:
            """50 requests at once."""
            return Configurations.Lambda(_static(_grpc_lambda(), 50), FixedCountRetryStrategy(max_attempts=3))

    class InRegion:
        """For programs near their cache."""

        class Default(Configuration):
            """Throughput first: 1.1 s a request."""

            @staticmethod
            def latest() -> Configurations.InRegion.Default:
                """The most throughput with p99.9 within 20 ms."""
                return Configurations.InRegion.Default(
                    _adaptive(_grpc(1100), 20), FixedCountRetryStrategy(max_attempts=3)
                )

            @staticmethod
            def v1() -> Configurations.InRegion.Default:
                """50 requests at once."""
                return Configurations.InRegion.Default(
                    _static(_grpc(1100), 50), FixedCountRetryStrategy(max_attempts=3)
                )

        class LowLatency(Configuration):
            """Latency first, at the price of some throughput: 500 ms a request."""

            @staticmethod
            def latest() -> Configurations.InRegion.LowLatency:
                """The most throughput with p99.9 within 5 ms."""
                return Configurations.InRegion.LowLatency(
                    _adaptive(_grpc(500), 5), FixedCountRetryStrategy(max_attempts=3)
                )

            @staticmethod
            def v1() -> Configurations.InRegion.LowLatency:
                """5 requests at once."""
                return Configurations.InRegion.LowLatency(
                    _static(_grpc(500), 5), FixedCountRetryStrategy(max_attempts=3)
                )
