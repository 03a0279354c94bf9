"""What `list_pop_back` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, ValueStringMixin
from ...response import CacheResponse


class CacheListPopBackResponse(CacheResponse):
    """`CacheListPopBack.Hit`, `CacheListPopBack.Miss` or `CacheListPopBack.Error`."""


class CacheListPopBack(ABC):
    """The outcomes of `list_pop_back`."""

    @dataclass
    class Hit(CacheListPopBackResponse, ValueStringMixin):
        """A value is taken off."""

        value_bytes: bytes
        """Its value; `value_string` reads it as UTF-8."""

    class Miss(CacheListPopBackResponse):
        """The list is not there."""

    class Error(CacheListPopBackResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
