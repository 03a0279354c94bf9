"""What `length` answers."""

from abc import ABC
from dataclasses import dataclass

from ..mixins import ErrorResponseMixin
from ..response import CacheResponse


class LeaderboardLengthResponse(CacheResponse):
    """`LeaderboardLength.Success` or `LeaderboardLength.Error`."""


class LeaderboardLength(ABC):
    """The outcomes of `length`."""

    @dataclass
    class Success(LeaderboardLengthResponse):
        """The elements were counted."""

        length: int
        """How many there are; 0 where there is no leaderboard."""

    class Error(LeaderboardLengthResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
