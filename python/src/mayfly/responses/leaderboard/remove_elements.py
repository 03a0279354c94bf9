"""What `remove_elements` answers."""

from abc import ABC

from ..mixins import ErrorResponseMixin
from ..response import CacheResponse


class LeaderboardRemoveElementsResponse(CacheResponse):
    """`LeaderboardRemoveElements.Success` or `LeaderboardRemoveElements.Error`."""


class LeaderboardRemoveElements(ABC):
    """The outcomes of `remove_elements`."""

    class Success(LeaderboardRemoveElementsResponse):
        """The elements are not there any more, or never were."""

    class Error(LeaderboardRemoveElementsResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
