"""What `dictionary_increment` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheDictionaryIncrementResponse(CacheResponse):
    """`CacheDictionaryIncrement.Success` or `CacheDictionaryIncrement.Error`."""


class CacheDictionaryIncrement(ABC):
    """The outcomes of `dictionary_increment`."""

    @dataclass
    class Success(CacheDictionaryIncrementResponse):
        """The number is changed."""

        value: int
        """The number now."""

    class Error(CacheDictionaryIncrementResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
