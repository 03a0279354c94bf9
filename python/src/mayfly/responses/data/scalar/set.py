"""What `set` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetResponse(CacheResponse):
    """`CacheSet.Success` or `CacheSet.Error`."""


class CacheSet(ABC):
    """The outcomes of `set`."""

    class Success(CacheSetResponse):
        """The value is stored."""

    class Error(CacheSetResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
