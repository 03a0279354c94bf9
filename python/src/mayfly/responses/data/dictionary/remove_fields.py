"""What `dictionary_remove_fields` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheDictionaryRemoveFieldsResponse(CacheResponse):
    """`CacheDictionaryRemoveFields.Success` or `CacheDictionaryRemoveFields.Error`."""


class CacheDictionaryRemoveFields(ABC):
    """The outcomes of `dictionary_remove_fields`."""

    class Success(CacheDictionaryRemoveFieldsResponse):
        """The fields are not there any more, or never were."""

    class Error(CacheDictionaryRemoveFieldsResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
