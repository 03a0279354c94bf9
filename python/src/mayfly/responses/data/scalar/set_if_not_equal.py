"""What `set_if_not_equal` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetIfNotEqualResponse(CacheResponse):
    """`CacheSetIfNotEqual.Stored`, `CacheSetIfNotEqual.NotStored` or `CacheSetIfNotEqual.Error`."""


class CacheSetIfNotEqual(ABC):
    """The outcomes of `set_if_not_equal`."""

    class Stored(CacheSetIfNotEqualResponse):
        """The key was absent or had another value; the new one is stored."""

    class NotStored(CacheSetIfNotEqualResponse):
        """The key keeps that value."""

    class Error(CacheSetIfNotEqualResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
