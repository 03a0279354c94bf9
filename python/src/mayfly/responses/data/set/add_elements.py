"""What `set_add_elements` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetAddElementsResponse(CacheResponse):
    """`CacheSetAddElements.Success` or `CacheSetAddElements.Error`."""


class CacheSetAddElements(ABC):
    """The outcomes of `set_add_elements`."""

    class Success(CacheSetAddElementsResponse):
        """The elements are in the set."""

    class Error(CacheSetAddElementsResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
