"""What `list_pop_front` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, ValueStringMixin
from ...response import CacheResponse


class CacheListPopFrontResponse(CacheResponse):
    """`CacheListPopFront.Hit`, `CacheListPopFront.Miss` or `CacheListPopFront.Error`."""


class CacheListPopFront(ABC):
    """The outcomes of `list_pop_front`."""

    @dataclass
    class Hit(CacheListPopFrontResponse, ValueStringMixin):
        """A value is taken off."""

        value_bytes: bytes
        """Its value; `value_string` reads it as UTF-8."""

    class Miss(CacheListPopFrontResponse):
        """The list is not there."""

    class Error(CacheListPopFrontResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
