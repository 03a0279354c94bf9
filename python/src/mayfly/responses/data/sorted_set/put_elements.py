"""What `sorted_set_put_elements` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSortedSetPutElementsResponse(CacheResponse):
    """`CacheSortedSetPutElements.Success` or `CacheSortedSetPutElements.Error`."""


class CacheSortedSetPutElements(ABC):
    """The outcomes of `sorted_set_put_elements`."""

    class Success(CacheSortedSetPutElementsResponse):
        """The elements are in the sorted set with those scores."""

    class Error(CacheSortedSetPutElementsResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
