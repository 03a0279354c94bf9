"""What `update_ttl` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheUpdateTtlResponse(CacheResponse):
    """`CacheUpdateTtl.Set`, `CacheUpdateTtl.Miss` or `CacheUpdateTtl.Error`."""


class CacheUpdateTtl(ABC):
    """The outcomes of `update_ttl`."""

    class Set(CacheUpdateTtlResponse):
        """The item has the new time to live."""

    class Miss(CacheUpdateTtlResponse):
        """The item is not there."""

    class Error(CacheUpdateTtlResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
