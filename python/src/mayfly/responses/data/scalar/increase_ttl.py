"""What `increase_ttl` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheIncreaseTtlResponse(CacheResponse):
    """`CacheIncreaseTtl.Set`, `CacheIncreaseTtl.NotSet`, `CacheIncreaseTtl.Miss` or `CacheIncreaseTtl.Error`."""


class CacheIncreaseTtl(ABC):
    """The outcomes of `increase_ttl`."""

    class Set(CacheIncreaseTtlResponse):
        """The item has the new time to live."""

    class NotSet(CacheIncreaseTtlResponse):
        """The item keeps its time to live, since the new one would not increase it."""

    class Miss(CacheIncreaseTtlResponse):
        """The item is not there."""

    class Error(CacheIncreaseTtlResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
