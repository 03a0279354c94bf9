"""What `list_remove_value` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheListRemoveValueResponse(CacheResponse):
    """`CacheListRemoveValue.Success` or `CacheListRemoveValue.Error`."""


class CacheListRemoveValue(ABC):
    """The outcomes of `list_remove_value`."""

    class Success(CacheListRemoveValueResponse):
        """The value is not there any more, or never was."""

    class Error(CacheListRemoveValueResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
