"""What `set_if_present_and_hash_not_equal` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, HashStringMixin
from ...response import CacheResponse


class CacheSetIfPresentAndHashNotEqualResponse(CacheResponse):
    """`CacheSetIfPresentAndHashNotEqual.Stored`, `CacheSetIfPresentAndHashNotEqual.NotStored`
    or `CacheSetIfPresentAndHashNotEqual.Error`."""


class CacheSetIfPresentAndHashNotEqual(ABC):
    """The outcomes of `set_if_present_and_hash_not_equal`."""

    @dataclass
    class Stored(CacheSetIfPresentAndHashNotEqualResponse, HashStringMixin):
        """The value had another hash; the new one is stored."""

        hash_bytes: bytes
        """The value's hash; `hash_string` reads it as UTF-8."""

    class NotStored(CacheSetIfPresentAndHashNotEqualResponse):
        """The key is absent or its value has that hash."""

    class Error(CacheSetIfPresentAndHashNotEqualResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
