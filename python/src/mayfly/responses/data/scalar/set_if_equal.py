"""What `set_if_equal` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetIfEqualResponse(CacheResponse):
    """`CacheSetIfEqual.Stored`, `CacheSetIfEqual.NotStored` or `CacheSetIfEqual.Error`."""


class CacheSetIfEqual(ABC):
    """The outcomes of `set_if_equal`."""

    class Stored(CacheSetIfEqualResponse):
        """The key had that value; the new one is stored."""

    class NotStored(CacheSetIfEqualResponse):
        """The key is absent or keeps another value."""

    class Error(CacheSetIfEqualResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
