"""What `get_batch` answers."""

from abc import ABC
from collections.abc import Iterator
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, ValueDictionaryMixin
from ...response import CacheResponse
from .get import CacheGet, CacheGetResponse


class CacheGetBatchResponse(CacheResponse):
    """`CacheGetBatch.Success` or `CacheGetBatch.Error`."""


class CacheGetBatch(ABC):
    """The outcomes of `get_batch`."""

    @dataclass
    class Success(CacheGetBatchResponse, ValueDictionaryMixin):
        """Each key was asked for."""

        results: list[CacheGetResponse]
        """Each key's answer, in the order of the request."""
        keys: list[bytes]
        """The keys, in the same order."""

        def _pairs(self) -> Iterator[tuple[bytes, bytes]]:
            for key, result in zip(self.keys, self.results):
                if isinstance(result, CacheGet.Hit):
                    yield key, result.value_bytes

    class Error(CacheGetBatchResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
