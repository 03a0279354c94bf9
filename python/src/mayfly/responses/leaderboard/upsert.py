"""What `upsert` answers."""

from abc import ABC

from ..mixins import ErrorResponseMixin
from ..response import CacheResponse


class LeaderboardUpsertResponse(CacheResponse):
    """`LeaderboardUpsert.Success` or `LeaderboardUpsert.Error`."""


class LeaderboardUpsert(ABC):
    """The outcomes of `upsert`."""

    class Success(LeaderboardUpsertResponse):
        """The elements have those scores."""

    class Error(LeaderboardUpsertResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
