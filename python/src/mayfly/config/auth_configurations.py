"""Configurations of auth clients. `latest()` may change with a release, the numbered versions do not."""

from __future__ import annotations

from mayfly.retry import FixedCountRetryStrategy

from .auth_configuration import AuthConfiguration
from .configurations import _grpc, _grpc_lambda
from .transport.transport_strategy import StaticTransportStrategy


class AuthConfigurations:
    """All of them repeat what failed and may be repeated up to three times."""

    class Laptop(AuthConfiguration):
        """For development, far from the service: 15 s a request."""

        @staticmethod
        def latest() -> AuthConfigurations.Laptop:
            """`v1()`."""
            return AuthConfigurations.Laptop.v1()

        @staticmethod
        def v1() -> AuthConfigurations.Laptop:
            """As the class says."""
            return AuthConfigurations.Laptop(
                StaticTransportStrategy(_grpc(15_000)), FixedCountRetryStrategy(max_attempts=3)
            )

    class Lambda(AuthConfiguration):
        """For functions that are frozen between requests: 1.1 s a request, no keepalive."""

        @staticmethod
        def latest() -> AuthConfigurations.Lambda:
            """`v1()`."""
            return AuthConfigurations.Lambda.v1()

        @staticmethod
        def v1() -> AuthConfigurations.Lambda:
            """As the class says."""
            return AuthConfigurations.Lambda(
                StaticTransportStrategy(_grpc_lambda()), FixedCountRetryStrategy(max_attempts=3)
            )

    class InRegion:
        """For programs near the service."""

        class Default(AuthConfiguration):
            """1.1 s a request."""

            @staticmethod
            def latest() -> AuthConfigurations.InRegion.Default:
                """`v1()`."""
                return AuthConfigurations.InRegion.Default.v1()

            @staticmethod
            def v1() -> AuthConfigurations.InRegion.Default:
                """As the class says."""
                return AuthConfigurations.InRegion.Default(
                    StaticTransportStrategy(_grpc(1100)), FixedCountRetryStrategy(max_attempts=3)
                )

        class LowLatency(AuthConfiguration):
            """500 ms a request."""

            @staticmethod
            def latest() -> AuthConfigurations.InRegion.LowLatency:
                """`v1()`."""
                return AuthConfigurations.InRegion.LowLatency.v1()

            @staticmethod
            def v1() -> AuthConfigurations.InRegion.LowLatency:
                """As the class says."""
                return AuthConfigurations.InRegion.LowLatency(
                    StaticTransportStrategy(_grpc(500)), FixedCountRetryStrategy(max_attempts=3)
                )
