"""What `set_remove_element` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetRemoveElementResponse(CacheResponse):
    """`CacheSetRemoveElement.Success` or `CacheSetRemoveElement.Error`."""


class CacheSetRemoveElement(ABC):
    """The outcomes of `set_remove_element`."""

    class Success(CacheSetRemoveElementResponse):
        """The element is not there any more, or never was."""

    class Error(CacheSetRemoveElementResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
