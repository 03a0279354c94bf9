"""What the fetches of a leaderboard answers."""

from abc import ABC
from dataclasses import dataclass

from ..mixins import ErrorResponseMixin
from ..response import CacheResponse


@dataclass
class LeaderboardElement:
    """An element of a leaderboard."""

    id: int
    score: float
    rank: int
    """Its place, from 0, in the order that was asked for."""


class LeaderboardFetchResponse(CacheResponse):
    """`LeaderboardFetch.Success` or `LeaderboardFetch.Error`."""


class LeaderboardFetch(ABC):
    """The outcomes of the fetches of a leaderboard."""

    @dataclass
    class Success(LeaderboardFetchResponse):
        """The elements were looked up."""

        elements: list[LeaderboardElement]
        """Those that are there, by rank."""

    class Error(LeaderboardFetchResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
