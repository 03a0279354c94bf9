"""What `decrease_ttl` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheDecreaseTtlResponse(CacheResponse):
    """`CacheDecreaseTtl.Set`, `CacheDecreaseTtl.NotSet`, `CacheDecreaseTtl.Miss` or `CacheDecreaseTtl.Error`."""


class CacheDecreaseTtl(ABC):
    """The outcomes of `decrease_ttl`."""

    class Set(CacheDecreaseTtlResponse):
        """The item has the new time to live."""

    class NotSet(CacheDecreaseTtlResponse):
        """The item keeps its time to live, since the new one would not decrease it."""

    class Miss(CacheDecreaseTtlResponse):
        """The item is not there."""

    class Error(CacheDecreaseTtlResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
