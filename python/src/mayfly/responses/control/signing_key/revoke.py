"""What `revoke_signing_key` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import ControlResponse


class RevokeSigningKeyResponse(ControlResponse):
    """`RevokeSigningKey.Success` or `RevokeSigningKey.Error`."""


class RevokeSigningKey(ABC):
    """The outcomes of `revoke_signing_key`."""

    class Success(RevokeSigningKeyResponse):
        """The key is revoked."""

    class Error(RevokeSigningKeyResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
