"""What `list_retain` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheListRetainResponse(CacheResponse):
    """`CacheListRetain.Success` or `CacheListRetain.Error`."""


class CacheListRetain(ABC):
    """The outcomes of `list_retain`."""

    class Success(CacheListRetainResponse):
        """Only the values of the range are left."""

    class Error(CacheListRetainResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
