"""What `dictionary_length` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheDictionaryLengthResponse(CacheResponse):
    """`CacheDictionaryLength.Hit`, `CacheDictionaryLength.Miss` or `CacheDictionaryLength.Error`."""


class CacheDictionaryLength(ABC):
    """The outcomes of `dictionary_length`."""

    @dataclass
    class Hit(CacheDictionaryLengthResponse):
        """The dictionary is there."""

        length: int
        """How many fields it has."""

    class Miss(CacheDictionaryLengthResponse):
        """The dictionary is not there."""

    class Error(CacheDictionaryLengthResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
