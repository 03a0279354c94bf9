"""What `set_if_present_and_not_equal` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetIfPresentAndNotEqualResponse(CacheResponse):
    """`CacheSetIfPresentAndNotEqual.Stored`, `CacheSetIfPresentAndNotEqual.NotStored`
    or `CacheSetIfPresentAndNotEqual.Error`."""


class CacheSetIfPresentAndNotEqual(ABC):
    """The outcomes of `set_if_present_and_not_equal`."""

    class Stored(CacheSetIfPresentAndNotEqualResponse):
        """The key had another value; the new one is stored."""

    class NotStored(CacheSetIfPresentAndNotEqualResponse):
        """The key is absent or keeps that value."""

    class Error(CacheSetIfPresentAndNotEqualResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
