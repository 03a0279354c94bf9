"""What `list_concatenate_back` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheListConcatenateBackResponse(CacheResponse):
    """`CacheListConcatenateBack.Success` or `CacheListConcatenateBack.Error`."""


class CacheListConcatenateBack(ABC):
    """The outcomes of `list_concatenate_back`."""

    @dataclass
    class Success(CacheListConcatenateBackResponse):
        """The list has grown."""

        list_length: int
        """How many values the list has now."""

    class Error(CacheListConcatenateBackResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
