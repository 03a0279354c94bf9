"""What `list_length` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheListLengthResponse(CacheResponse):
    """`CacheListLength.Hit`, `CacheListLength.Miss` or `CacheListLength.Error`."""


class CacheListLength(ABC):
    """The outcomes of `list_length`."""

    @dataclass
    class Hit(CacheListLengthResponse):
        """The list is there."""

        length: int
        """How many values it has."""

    class Miss(CacheListLengthResponse):
        """The list is not there."""

    class Error(CacheListLengthResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
