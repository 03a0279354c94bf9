"""What `set_remove_elements` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetRemoveElementsResponse(CacheResponse):
    """`CacheSetRemoveElements.Success` or `CacheSetRemoveElements.Error`."""


class CacheSetRemoveElements(ABC):
    """The outcomes of `set_remove_elements`."""

    class Success(CacheSetRemoveElementsResponse):
        """The elements are not there any more, or never were."""

    class Error(CacheSetRemoveElementsResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
