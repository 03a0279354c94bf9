"""What `sorted_set_get_scores` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse
from .get_score import CacheSortedSetGetScore, CacheSortedSetGetScoreResponse


class CacheSortedSetGetScoresResponse(CacheResponse):
    """`CacheSortedSetGetScores.Hit`, `CacheSortedSetGetScores.Miss` or `CacheSortedSetGetScores.Error`."""


class CacheSortedSetGetScores(ABC):
    """The outcomes of `sorted_set_get_scores`."""

    @dataclass
    class Hit(CacheSortedSetGetScoresResponse):
        """The sorted set is there."""

        responses: list[CacheSortedSetGetScoreResponse]
        """Each element's answer, in the order of the request."""

        @property
        def value_dictionary_bytes(self) -> dict[bytes, float]:
            """The scores of the elements that are there."""
            return {r.value_bytes: r.score for r in self.responses if isinstance(r, CacheSortedSetGetScore.Hit)}

        @property
        def value_dictionary_string(self) -> dict[str, float]:
            """The same with the elements read as UTF-8."""
            return {r.value_string: r.score for r in self.responses if isinstance(r, CacheSortedSetGetScore.Hit)}

    class Miss(CacheSortedSetGetScoresResponse):
        """The sorted set is not there."""

    class Error(CacheSortedSetGetScoresResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
