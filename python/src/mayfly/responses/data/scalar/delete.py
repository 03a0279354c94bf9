"""What `delete` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheDeleteResponse(CacheResponse):
    """`CacheDelete.Success` or `CacheDelete.Error`."""


class CacheDelete(ABC):
    """The outcomes of `delete`."""

    class Success(CacheDeleteResponse):
        """The key is not there any more, or never was."""

    class Error(CacheDeleteResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
