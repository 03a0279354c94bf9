"""What `sorted_set_length` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSortedSetLengthResponse(CacheResponse):
    """`CacheSortedSetLength.Hit`, `CacheSortedSetLength.Miss` or `CacheSortedSetLength.Error`."""


class CacheSortedSetLength(ABC):
    """The outcomes of `sorted_set_length`."""

    @dataclass
    class Hit(CacheSortedSetLengthResponse):
        """The sorted set is there."""

        length: int
        """How many elements it has."""

    class Miss(CacheSortedSetLengthResponse):
        """The sorted set is not there."""

    class Error(CacheSortedSetLengthResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
