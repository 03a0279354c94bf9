"""What `list_concatenate_front` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheListConcatenateFrontResponse(CacheResponse):
    """`CacheListConcatenateFront.Success` or `CacheListConcatenateFront.Error`."""


class CacheListConcatenateFront(ABC):
    """The outcomes of `list_concatenate_front`."""

    @dataclass
    class Success(CacheListConcatenateFrontResponse):
        """The list has grown."""

        list_length: int
        """How many values the list has now."""

    class Error(CacheListConcatenateFrontResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
