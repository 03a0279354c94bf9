"""What `set_if_present_and_hash_equal` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, HashStringMixin
from ...response import CacheResponse


class CacheSetIfPresentAndHashEqualResponse(CacheResponse):
    """`CacheSetIfPresentAndHashEqual.Stored`, `CacheSetIfPresentAndHashEqual.NotStored`
    or `CacheSetIfPresentAndHashEqual.Error`."""


class CacheSetIfPresentAndHashEqual(ABC):
    """The outcomes of `set_if_present_and_hash_equal`."""

    @dataclass
    class Stored(CacheSetIfPresentAndHashEqualResponse, HashStringMixin):
        """The value had that hash; the new one is stored."""

        hash_bytes: bytes
        """The value's hash; `hash_string` reads it as UTF-8."""

    class NotStored(CacheSetIfPresentAndHashEqualResponse):
        """The key is absent or its value has another hash."""

    class Error(CacheSetIfPresentAndHashEqualResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
