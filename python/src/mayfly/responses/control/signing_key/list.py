"""What `list_signing_keys` answers."""

from abc import ABC
from dataclasses import dataclass
from datetime import datetime

from ...mixins import ErrorResponseMixin
from ...response import ControlResponse


@dataclass
class SigningKey:
    """A key, without the key itself."""

    key_id: str
    expires_at: datetime
    """In local time without a zone."""
    endpoint: str
    """The service's host."""


class ListSigningKeysResponse(ControlResponse):
    """`ListSigningKeys.Success` or `ListSigningKeys.Error`."""


class ListSigningKeys(ABC):
    """The outcomes of `list_signing_keys`."""

    @dataclass
    class Success(ListSigningKeysResponse):
        """The keys are listed."""

        signing_keys: list[SigningKey]
        """All of them."""

    class Error(ListSigningKeysResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
