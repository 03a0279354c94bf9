"""What `set_add_element` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetAddElementResponse(CacheResponse):
    """`CacheSetAddElement.Success` or `CacheSetAddElement.Error`."""


class CacheSetAddElement(ABC):
    """The outcomes of `set_add_element`."""

    class Success(CacheSetAddElementResponse):
        """The element is in the set."""

    class Error(CacheSetAddElementResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
