"""The asyncio auth client; see auth_client.py for what it is there for."""

from __future__ import annotations

from types import TracebackType
from typing import Optional, Type

from mayfly.auth import CredentialProvider
from mayfly.auth.access_control.disposable_token_scope import DisposableTokenProps, DisposableTokenScope
from mayfly.auth_client import _refuse_token
from mayfly.config.auth_configuration import AuthConfiguration
from mayfly.responses.auth.generate_disposable_token import GenerateDisposableTokenResponse
from mayfly.utilities import ExpiresIn


class AuthClientAsync:
    """Opens no connection. Any event loop may use it."""

    def __init__(self, configuration: AuthConfiguration, credential_provider: CredentialProvider):
        """
        Args:
            configuration: kept for programs that pass one.
            credential_provider: likewise.
        """
        self._configuration = configuration
        self._credential_provider = credential_provider

    async def __aenter__(self) -> AuthClientAsync:
        return self

    async def __aexit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close()

    async def generate_disposable_token(
        self,
        scope: DisposableTokenScope,
        expires_in: ExpiresIn,
        disposable_token_props: Optional[DisposableTokenProps] = None,
    ) -> GenerateDisposableTokenResponse:
        """Always `GenerateDisposableToken.Error`: UNKNOWN_ERROR for a scope or an expiry that cannot be right,
        BAD_REQUEST_ERROR otherwise.

        Args:
            scope: what the token would permit; see `DisposableTokenScopes`.
            expires_in: when it would expire.
            disposable_token_props: what else it would say.
        """
        return _refuse_token(scope, expires_in)

    async def close(self) -> None:
        """Does nothing: there is nothing to give back."""
