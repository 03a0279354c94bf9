"""What `generate_disposable_token` answers."""

from abc import ABC
from dataclasses import dataclass

from mayfly.utilities import ExpiresAt

from ..mixins import ErrorResponseMixin
from ..response import AuthResponse


class GenerateDisposableTokenResponse(AuthResponse):
    """`GenerateDisposableToken.Success` or `GenerateDisposableToken.Error`."""


class GenerateDisposableToken(ABC):
    """The outcomes of `generate_disposable_token`."""

    @dataclass
    class Success(GenerateDisposableTokenResponse):
        """The token is made."""

        auth_token: str
        """It carries its endpoint, as `CredentialProvider.from_disposable_token` reads it."""
        endpoint: str
        """The service's host."""
        expires_at: ExpiresAt

    class Error(GenerateDisposableTokenResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
