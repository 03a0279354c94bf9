"""What `sorted_set_union_store` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSortedSetUnionStoreResponse(CacheResponse):
    """`CacheSortedSetUnionStore.Success` or `CacheSortedSetUnionStore.Error`."""


class CacheSortedSetUnionStore(ABC):
    """The outcomes of `sorted_set_union_store`."""

    @dataclass
    class Success(CacheSortedSetUnionStoreResponse):
        """The union is stored."""

        length: int
        """How many elements it has."""

    class Error(CacheSortedSetUnionStoreResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
