"""What `create_cache` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import ControlResponse


class CreateCacheResponse(ControlResponse):
    """`CreateCache.Success`, `CreateCache.CacheAlreadyExists` or `CreateCache.Error`."""


class CreateCache(ABC):
    """The outcomes of `create_cache`."""

    class Success(CreateCacheResponse):
        """The cache is created."""

    class CacheAlreadyExists(CreateCacheResponse):
        """There is a cache of that name; it stays as it is."""

    class Error(CreateCacheResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
