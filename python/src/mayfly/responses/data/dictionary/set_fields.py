"""What `dictionary_set_fields` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheDictionarySetFieldsResponse(CacheResponse):
    """`CacheDictionarySetFields.Success` or `CacheDictionarySetFields.Error`."""


class CacheDictionarySetFields(ABC):
    """The outcomes of `dictionary_set_fields`."""

    class Success(CacheDictionarySetFieldsResponse):
        """The values are stored."""

    class Error(CacheDictionarySetFieldsResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
