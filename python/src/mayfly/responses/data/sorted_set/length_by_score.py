"""What `sorted_set_length_by_score` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSortedSetLengthByScoreResponse(CacheResponse):
    """`CacheSortedSetLengthByScore.Hit`, `CacheSortedSetLengthByScore.Miss` or `CacheSortedSetLengthByScore.Error`."""


class CacheSortedSetLengthByScore(ABC):
    """The outcomes of `sorted_set_length_by_score`."""

    @dataclass
    class Hit(CacheSortedSetLengthByScoreResponse):
        """The sorted set is there."""

        length: int
        """How many elements have a score in the range."""

    class Miss(CacheSortedSetLengthByScoreResponse):
        """The sorted set is not there."""

    class Error(CacheSortedSetLengthByScoreResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
