"""The order of leaderboards."""

from enum import Enum


class LeaderboardOrder(Enum):
    """Whether rank 0 is the lowest score or the highest."""

    ASCENDING = True
    DESCENDING = False
