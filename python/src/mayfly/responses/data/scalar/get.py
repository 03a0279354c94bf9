"""What `get` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, ValueStringMixin
from ...response import CacheResponse


class CacheGetResponse(CacheResponse):
    """`CacheGet.Hit`, `CacheGet.Miss` or `CacheGet.Error`."""


class CacheGet(ABC):
    """The outcomes of `get`."""

    @dataclass
    class Hit(CacheGetResponse, ValueStringMixin):
        """The key is there."""

        value_bytes: bytes
        """Its value; `value_string` reads it as UTF-8."""

    class Miss(CacheGetResponse):
        """The key is not there."""

    class Error(CacheGetResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
