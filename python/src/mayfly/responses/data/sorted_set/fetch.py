"""What `sorted_set_fetch` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSortedSetFetchResponse(CacheResponse):
    """`CacheSortedSetFetch.Hit`, `CacheSortedSetFetch.Miss` or `CacheSortedSetFetch.Error`."""


class CacheSortedSetFetch(ABC):
    """The outcomes of `sorted_set_fetch`."""

    @dataclass
    class Hit(CacheSortedSetFetchResponse):
        """The sorted set is there."""

        value_list_bytes: list[tuple[bytes, float]]
        """Its elements and their scores, in the order that was asked for."""

        @property
        def value_list_string(self) -> list[tuple[str, float]]:
            """The same with the elements read as UTF-8."""
            return [(value.decode("utf-8"), score) for value, score in self.value_list_bytes]

    class Miss(CacheSortedSetFetchResponse):
        """The sorted set is not there."""

    class Error(CacheSortedSetFetchResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
