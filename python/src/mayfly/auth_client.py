"""The blocking auth client.

Tokens belong to the accounts of the hosted service, and mayfly's protocol has none. The client exists so that programs
which make one run: it checks a request and refuses it with an error that says so.
"""

from __future__ import annotations

from types import TracebackType
from typing import Optional, Type

from mayfly.auth import CredentialProvider
from mayfly.auth.access_control.disposable_token_scope import DisposableTokenProps, DisposableTokenScope
from mayfly.config.auth_configuration import AuthConfiguration
from mayfly.errors import BadRequestException, convert_error
from mayfly.internal._utilities import _validate_disposable_token_expiry
from mayfly.internal._utilities._permissions import _validate_disposable_token_scope
from mayfly.internal.services import Service
from mayfly.responses.auth.generate_disposable_token import GenerateDisposableToken, GenerateDisposableTokenResponse
from mayfly.utilities import ExpiresIn


def _refuse_token(scope: DisposableTokenScope, expires_in: ExpiresIn) -> GenerateDisposableTokenResponse:
    try:
        _validate_disposable_token_expiry(expires_in)
        _validate_disposable_token_scope(scope)
        raise BadRequestException(
            "Disposable tokens belong to accounts of the hosted service; a mayfly server makes none. "
            "Give clients a key of their own instead.",
            Service.AUTH,
        )
    except Exception as e:
        return GenerateDisposableToken.Error(convert_error(e, Service.AUTH))


class AuthClient:
    """Opens no connection. Any thread may use it."""

    def __init__(self, configuration: AuthConfiguration, credential_provider: CredentialProvider):
        """
        Args:
            configuration: kept for programs that pass one.
            credential_provider: likewise.
        """
        self._configuration = configuration
        self._credential_provider = credential_provider

    def __enter__(self) -> AuthClient:
        return self

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def generate_disposable_token(
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

    def close(self) -> None:
        """Does nothing: there is nothing to give back."""
