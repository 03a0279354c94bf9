"""What `get_with_hash` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, HashStringMixin, ValueStringMixin
from ...response import CacheResponse


class CacheGetWithHashResponse(CacheResponse):
    """`CacheGetWithHash.Hit`, `CacheGetWithHash.Miss` or `CacheGetWithHash.Error`."""


class CacheGetWithHash(ABC):
    """The outcomes of `get_with_hash`."""

    @dataclass
    class Hit(CacheGetWithHashResponse, HashStringMixin, ValueStringMixin):
        """The key is there."""

        value_bytes: bytes
        """Its value; `value_string` reads it as UTF-8."""
        hash_bytes: bytes
        """The value's hash; `hash_string` reads it as UTF-8."""

    class Miss(CacheGetWithHashResponse):
        """The key is not there."""

    class Error(CacheGetWithHashResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
