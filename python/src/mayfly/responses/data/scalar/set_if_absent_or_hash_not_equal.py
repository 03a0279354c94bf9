"""What `set_if_absent_or_hash_not_equal` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, HashStringMixin
from ...response import CacheResponse


class CacheSetIfAbsentOrHashNotEqualResponse(CacheResponse):
    """`CacheSetIfAbsentOrHashNotEqual.Stored`, `CacheSetIfAbsentOrHashNotEqual.NotStored`
    or `CacheSetIfAbsentOrHashNotEqual.Error`."""


class CacheSetIfAbsentOrHashNotEqual(ABC):
    """The outcomes of `set_if_absent_or_hash_not_equal`."""

    @dataclass
    class Stored(CacheSetIfAbsentOrHashNotEqualResponse, HashStringMixin):
        """The key was absent or its value had another hash; the new one is stored."""

        hash_bytes: bytes
        """The value's hash; `hash_string` reads it as UTF-8."""

    class NotStored(CacheSetIfAbsentOrHashNotEqualResponse):
        """The value has that hash and stays."""

    class Error(CacheSetIfAbsentOrHashNotEqualResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
