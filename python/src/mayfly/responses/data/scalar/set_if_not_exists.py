"""What `set_if_not_exists` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetIfNotExistsResponse(CacheResponse):
    """`CacheSetIfNotExists.Stored`, `CacheSetIfNotExists.NotStored` or `CacheSetIfNotExists.Error`."""


class CacheSetIfNotExists(ABC):
    """The outcomes of `set_if_not_exists`."""

    class Stored(CacheSetIfNotExistsResponse):
        """The key was absent; the value is stored."""

    class NotStored(CacheSetIfNotExistsResponse):
        """The key is there; it keeps its value."""

    class Error(CacheSetIfNotExistsResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
