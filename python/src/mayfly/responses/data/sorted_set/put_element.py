"""What `sorted_set_put_element` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSortedSetPutElementResponse(CacheResponse):
    """`CacheSortedSetPutElement.Success` or `CacheSortedSetPutElement.Error`."""


class CacheSortedSetPutElement(ABC):
    """The outcomes of `sorted_set_put_element`."""

    class Success(CacheSortedSetPutElementResponse):
        """The element is in the sorted set with that score."""

    class Error(CacheSortedSetPutElementResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
