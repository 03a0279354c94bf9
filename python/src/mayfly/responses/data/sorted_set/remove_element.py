"""What `sorted_set_remove_element` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSortedSetRemoveElementResponse(CacheResponse):
    """`CacheSortedSetRemoveElement.Success` or `CacheSortedSetRemoveElement.Error`."""


class CacheSortedSetRemoveElement(ABC):
    """The outcomes of `sorted_set_remove_element`."""

    class Success(CacheSortedSetRemoveElementResponse):
        """The element is not there any more, or never was."""

    class Error(CacheSortedSetRemoveElementResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
