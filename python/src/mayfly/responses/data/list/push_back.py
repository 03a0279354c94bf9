"""What `list_push_back` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheListPushBackResponse(CacheResponse):
    """`CacheListPushBack.Success` or `CacheListPushBack.Error`."""


class CacheListPushBack(ABC):
    """The outcomes of `list_push_back`."""

    @dataclass
    class Success(CacheListPushBackResponse):
        """The value is in the list."""

        list_length: int
        """How many values the list has now."""

    class Error(CacheListPushBackResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
