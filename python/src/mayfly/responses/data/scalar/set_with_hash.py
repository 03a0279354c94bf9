"""What `set_with_hash` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, HashStringMixin
from ...response import CacheResponse


class CacheSetWithHashResponse(CacheResponse):
    """`CacheSetWithHash.Stored`, `CacheSetWithHash.NotStored` or `CacheSetWithHash.Error`."""


class CacheSetWithHash(ABC):
    """The outcomes of `set_with_hash`."""

    @dataclass
    class Stored(CacheSetWithHashResponse, HashStringMixin):
        """The value is stored."""

        hash_bytes: bytes
        """The value's hash; `hash_string` reads it as UTF-8."""

    class NotStored(CacheSetWithHashResponse):
        """The value is not stored."""

    class Error(CacheSetWithHashResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
