"""What `list_push_front` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheListPushFrontResponse(CacheResponse):
    """`CacheListPushFront.Success` or `CacheListPushFront.Error`."""


class CacheListPushFront(ABC):
    """The outcomes of `list_push_front`."""

    @dataclass
    class Success(CacheListPushFrontResponse):
        """The value is in the list."""

        list_length: int
        """How many values the list has now."""

    class Error(CacheListPushFrontResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
