"""What `flush_cache` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import ControlResponse


class CacheFlushResponse(ControlResponse):
    """`CacheFlush.Success` or `CacheFlush.Error`."""


class CacheFlush(ABC):
    """The outcomes of `flush_cache`."""

    class Success(CacheFlushResponse):
        """The cache is empty."""

    class Error(CacheFlushResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
