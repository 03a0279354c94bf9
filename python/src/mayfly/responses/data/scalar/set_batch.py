"""What `set_batch` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse
from .set import CacheSetResponse


class CacheSetBatchResponse(CacheResponse):
    """`CacheSetBatch.Success` or `CacheSetBatch.Error`."""


class CacheSetBatch(ABC):
    """The outcomes of `set_batch`."""

    @dataclass
    class Success(CacheSetBatchResponse):
        """Each item was sent."""

        results: list[CacheSetResponse]
        """Each item's answer, in the order of the request."""

    class Error(CacheSetBatchResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
