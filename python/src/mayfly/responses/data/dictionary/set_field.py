"""What `dictionary_set_field` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheDictionarySetFieldResponse(CacheResponse):
    """`CacheDictionarySetField.Success` or `CacheDictionarySetField.Error`."""


class CacheDictionarySetField(ABC):
    """The outcomes of `dictionary_set_field`."""

    class Success(CacheDictionarySetFieldResponse):
        """The value is stored."""

    class Error(CacheDictionarySetFieldResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
