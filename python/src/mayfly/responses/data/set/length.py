"""What `set_length` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetLengthResponse(CacheResponse):
    """`CacheSetLength.Hit`, `CacheSetLength.Miss` or `CacheSetLength.Error`."""


class CacheSetLength(ABC):
    """The outcomes of `set_length`."""

    @dataclass
    class Hit(CacheSetLengthResponse):
        """The set is there."""

        length: int
        """How many elements it has."""

    class Miss(CacheSetLengthResponse):
        """The set is not there."""

    class Error(CacheSetLengthResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
