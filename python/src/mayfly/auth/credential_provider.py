"""Credentials as a value."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Optional
from warnings import warn

from mayfly.errors import InvalidArgumentException
from mayfly.internal.services import Service

from . import momento_endpoint_resolver
from .momento_endpoint_resolver import _TokenAndEndpoints


@dataclass
class CredentialProvider:
    """Where a service is and the key that opens it.

    An endpoint in a key or beside it is a HOST or HOST:PORT; `cache.`, `control.` and `token.` are put before it unless
    it is an IP address or localhost. The port is 443 unless the endpoint names another. What cannot be read gives
    InvalidArgumentException, which repeats nothing of the key.
    """

    auth_token: str
    control_endpoint: str
    cache_endpoint: str
    token_endpoint: str
    port: int
    secure_connection: Optional[bool] = None
    """Whether connections use TLS; None: they do if the port is 443."""

    @staticmethod
    def from_environment_variable(
        env_var_name: str,
        control_endpoint: Optional[str] = None,
        cache_endpoint: Optional[str] = None,
        token_endpoint: Optional[str] = None,
    ) -> CredentialProvider:
        """Deprecated: use from_environment_variables_v2. As `from_string`, of the key in an environment variable.

        Raises:
            RuntimeError: the variable is missing or empty.
        """
        warn(
            "from_environment_variable is deprecated, use from_environment_variables_v2 instead",
            DeprecationWarning,
            stacklevel=2,
        )
        api_key = _read_environment(env_var_name)
        return _from_key(api_key, control_endpoint, cache_endpoint, token_endpoint)

    @staticmethod
    def from_string(
        auth_token: str,
        control_endpoint: Optional[str] = None,
        cache_endpoint: Optional[str] = None,
        token_endpoint: Optional[str] = None,
    ) -> CredentialProvider:
        """Deprecated: use from_api_key_v2 or from_disposable_token. Reads a key that carries its endpoints; those that
        are given here take their places, as they are."""
        warn(
            "from_string is deprecated, use from_api_key_v2 or from_disposable_token instead",
            DeprecationWarning,
            stacklevel=2,
        )
        return _from_key(auth_token, control_endpoint, cache_endpoint, token_endpoint)

    @staticmethod
    def from_disposable_token(auth_token: str) -> CredentialProvider:
        """Reads a token that carries its endpoints."""
        if not auth_token:
            raise InvalidArgumentException("Disposable token cannot be empty.", Service.AUTH)
        return _from_key(auth_token)

    @staticmethod
    def from_api_key_v2(api_key: str, endpoint: str) -> CredentialProvider:
        """A key that is good at any endpoint, and the endpoint."""
        if not api_key:
            raise InvalidArgumentException("API key cannot be empty.", Service.AUTH)
        if not endpoint:
            raise InvalidArgumentException("Endpoint cannot be empty.", Service.AUTH)
        if not momento_endpoint_resolver._is_v2_api_key(api_key):
            raise InvalidArgumentException(
                "Received an invalid v2 API key. "
                "Are you using the correct key and the correct CredentialProvider method?",
                Service.AUTH,
            )
        return _with_tls(momento_endpoint_resolver.endpoints_of(endpoint, api_key.strip()))

    @staticmethod
    def from_environment_variables_v2(
        api_key_env_var: str = "MOMENTO_API_KEY", endpoint_env_var: str = "MOMENTO_ENDPOINT"
    ) -> CredentialProvider:
        """As `from_api_key_v2`, of what is in two environment variables.

        Raises:
            RuntimeError: one of them is missing or empty.
        """
        if not api_key_env_var:
            raise InvalidArgumentException("API key environment variable name cannot be empty.", Service.AUTH)
        if not endpoint_env_var:
            raise InvalidArgumentException("Endpoint environment variable name cannot be empty.", Service.AUTH)
        api_key = _read_environment(api_key_env_var)
        endpoint = _read_environment(endpoint_env_var)
        if not momento_endpoint_resolver._is_v2_api_key(api_key):
            raise InvalidArgumentException(
                "Received an invalid v2 API key. Are you using the correct key? Or did you mean to use "
                "`from_environment_variable()` with a legacy key instead?",
                Service.AUTH,
            )
        return CredentialProvider.from_api_key_v2(api_key, endpoint)

    @staticmethod
    def for_momento_local(host: str = "127.0.0.1", port: int = 8080) -> CredentialProvider:
        """A server on this machine or in a trusted network, without key and without TLS."""
        return CredentialProvider("", host, host, host, port, secure_connection=False)

    def get_auth_token(self) -> str:
        """The key."""
        return self.auth_token

    def is_endpoint_secure(self) -> bool:
        """Whether connections use TLS."""
        return self.port == 443 if self.secure_connection is None else self.secure_connection

    def __repr__(self) -> str:
        shown = {**vars(self), "auth_token": "..." if self.auth_token else ""}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def _read_environment(name: str) -> str:
    value = os.getenv(name)
    if not value:
        raise RuntimeError(f"Missing required environment variable {name}")
    return value


def _from_key(
    auth_token: str,
    control_endpoint: Optional[str] = None,
    cache_endpoint: Optional[str] = None,
    token_endpoint: Optional[str] = None,
) -> CredentialProvider:
    provider = _with_tls(momento_endpoint_resolver.resolve(auth_token))
    provider.control_endpoint = control_endpoint or provider.control_endpoint
    provider.cache_endpoint = cache_endpoint or provider.cache_endpoint
    provider.token_endpoint = token_endpoint or provider.token_endpoint
    return provider


def _with_tls(found: _TokenAndEndpoints) -> CredentialProvider:
    return CredentialProvider(
        found.auth_token,
        found.control_endpoint,
        found.cache_endpoint,
        found.token_endpoint,
        found.port,
        secure_connection=True,
    )
