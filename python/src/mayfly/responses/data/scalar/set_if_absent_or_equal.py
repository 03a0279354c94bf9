"""What `set_if_absent_or_equal` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetIfAbsentOrEqualResponse(CacheResponse):
    """`CacheSetIfAbsentOrEqual.Stored`, `CacheSetIfAbsentOrEqual.NotStored` or `CacheSetIfAbsentOrEqual.Error`."""


class CacheSetIfAbsentOrEqual(ABC):
    """The outcomes of `set_if_absent_or_equal`."""

    class Stored(CacheSetIfAbsentOrEqualResponse):
        """The key was absent or had that value; the new one is stored."""

    class NotStored(CacheSetIfAbsentOrEqualResponse):
        """The key keeps another value."""

    class Error(CacheSetIfAbsentOrEqualResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
