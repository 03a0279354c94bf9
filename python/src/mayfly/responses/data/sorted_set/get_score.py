"""What `sorted_set_get_score` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, ValueStringMixin
from ...response import CacheResponse


class CacheSortedSetGetScoreResponse(CacheResponse):
    """`CacheSortedSetGetScore.Hit`, `CacheSortedSetGetScore.Miss` or `CacheSortedSetGetScore.Error`."""


class CacheSortedSetGetScore(ABC):
    """The outcomes of `sorted_set_get_score`."""

    @dataclass
    class Hit(CacheSortedSetGetScoreResponse, ValueStringMixin):
        """The element is there."""

        value_bytes: bytes
        """The element; `value_string` reads it as UTF-8."""
        score: float
        """Its score."""

    @dataclass
    class Miss(CacheSortedSetGetScoreResponse, ValueStringMixin):
        """The sorted set or the element is not there."""

        value_bytes: bytes
        """The element; `value_string` reads it as UTF-8."""

    class Error(CacheSortedSetGetScoreResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
