"""What `set_if_present` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetIfPresentResponse(CacheResponse):
    """`CacheSetIfPresent.Stored`, `CacheSetIfPresent.NotStored` or `CacheSetIfPresent.Error`."""


class CacheSetIfPresent(ABC):
    """The outcomes of `set_if_present`."""

    class Stored(CacheSetIfPresentResponse):
        """The key was there; the value is stored."""

    class NotStored(CacheSetIfPresentResponse):
        """The key is absent."""

    class Error(CacheSetIfPresentResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
