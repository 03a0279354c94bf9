"""What `create_signing_key` answers."""

from abc import ABC
from dataclasses import dataclass
from datetime import datetime

from ...mixins import ErrorResponseMixin
from ...response import ControlResponse


class CreateSigningKeyResponse(ControlResponse):
    """`CreateSigningKey.Success` or `CreateSigningKey.Error`."""


class CreateSigningKey(ABC):
    """The outcomes of `create_signing_key`."""

    @dataclass
    class Success(CreateSigningKeyResponse):
        """The key is made."""

        key_id: str
        endpoint: str
        """The service's host."""
        key: str
        """The key itself, as JSON."""
        expires_at: datetime
        """In local time without a zone."""

    class Error(CreateSigningKeyResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
