"""What `delete_cache` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import ControlResponse


class DeleteCacheResponse(ControlResponse):
    """`DeleteCache.Success` or `DeleteCache.Error`."""


class DeleteCache(ABC):
    """The outcomes of `delete_cache`."""

    class Success(DeleteCacheResponse):
        """The cache is deleted."""

    class Error(DeleteCacheResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
