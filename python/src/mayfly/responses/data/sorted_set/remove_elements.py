"""What `sorted_set_remove_elements` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSortedSetRemoveElementsResponse(CacheResponse):
    """`CacheSortedSetRemoveElements.Success` or `CacheSortedSetRemoveElements.Error`."""


class CacheSortedSetRemoveElements(ABC):
    """The outcomes of `sorted_set_remove_elements`."""

    class Success(CacheSortedSetRemoveElementsResponse):
        """The elements are not there any more, or never were."""

    class Error(CacheSortedSetRemoveElementsResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
