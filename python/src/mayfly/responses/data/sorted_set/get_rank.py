"""What `sorted_set_get_rank` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSortedSetGetRankResponse(CacheResponse):
    """`CacheSortedSetGetRank.Hit`, `CacheSortedSetGetRank.Miss` or `CacheSortedSetGetRank.Error`."""


class CacheSortedSetGetRank(ABC):
    """The outcomes of `sorted_set_get_rank`."""

    @dataclass
    class Hit(CacheSortedSetGetRankResponse):
        """The element is there."""

        rank: float
        """Its place, from 0, in the order that was asked for."""

    class Miss(CacheSortedSetGetRankResponse):
        """The sorted set or the element is not there."""

    class Error(CacheSortedSetGetRankResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
