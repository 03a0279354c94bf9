"""What `delete` answers."""

from abc import ABC

from ..mixins import ErrorResponseMixin
from ..response import CacheResponse


class LeaderboardDeleteResponse(CacheResponse):
    """`LeaderboardDelete.Success` or `LeaderboardDelete.Error`."""


class LeaderboardDelete(ABC):
    """The outcomes of `delete`."""

    class Success(LeaderboardDeleteResponse):
        """The leaderboard is not there any more, or never was."""

    class Error(LeaderboardDeleteResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
