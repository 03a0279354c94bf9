"""What `sorted_set_increment_score` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSortedSetIncrementScoreResponse(CacheResponse):
    """`CacheSortedSetIncrementScore.Success` or `CacheSortedSetIncrementScore.Error`."""


class CacheSortedSetIncrementScore(ABC):
    """The outcomes of `sorted_set_increment_score`."""

    @dataclass
    class Success(CacheSortedSetIncrementScoreResponse):
        """The score is changed."""

        score: float
        """The score now."""

    class Error(CacheSortedSetIncrementScoreResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
