"""What `increment` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheIncrementResponse(CacheResponse):
    """`CacheIncrement.Success` or `CacheIncrement.Error`."""


class CacheIncrement(ABC):
    """The outcomes of `increment`."""

    @dataclass
    class Success(CacheIncrementResponse):
        """The number is changed."""

        value: int
        """The number now."""

    class Error(CacheIncrementResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
