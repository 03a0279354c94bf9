"""What `set_if_absent_or_hash_equal` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, HashStringMixin
from ...response import CacheResponse


class CacheSetIfAbsentOrHashEqualResponse(CacheResponse):
    """`CacheSetIfAbsentOrHashEqual.Stored`, `CacheSetIfAbsentOrHashEqual.NotStored`
    or `CacheSetIfAbsentOrHashEqual.Error`."""


class CacheSetIfAbsentOrHashEqual(ABC):
    """The outcomes of `set_if_absent_or_hash_equal`."""

    @dataclass
    class Stored(CacheSetIfAbsentOrHashEqualResponse, HashStringMixin):
        """The key was absent or its value had that hash; the new one is stored."""

        hash_bytes: bytes
        """The value's hash; `hash_string` reads it as UTF-8."""

    class NotStored(CacheSetIfAbsentOrHashEqualResponse):
        """The value has another hash and stays."""

    class Error(CacheSetIfAbsentOrHashEqualResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
