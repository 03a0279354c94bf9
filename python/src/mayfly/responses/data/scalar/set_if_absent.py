"""What `set_if_absent` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetIfAbsentResponse(CacheResponse):
    """`CacheSetIfAbsent.Stored`, `CacheSetIfAbsent.NotStored` or `CacheSetIfAbsent.Error`."""


class CacheSetIfAbsent(ABC):
    """The outcomes of `set_if_absent`."""

    class Stored(CacheSetIfAbsentResponse):
        """The key was absent; the value is stored."""

    class NotStored(CacheSetIfAbsentResponse):
        """The key is there; it keeps its value."""

    class Error(CacheSetIfAbsentResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
