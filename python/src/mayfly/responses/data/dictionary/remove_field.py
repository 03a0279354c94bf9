"""What `dictionary_remove_field` answers."""

from abc import ABC

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheDictionaryRemoveFieldResponse(CacheResponse):
    """`CacheDictionaryRemoveField.Success` or `CacheDictionaryRemoveField.Error`."""


class CacheDictionaryRemoveField(ABC):
    """The outcomes of `dictionary_remove_field`."""

    class Success(CacheDictionaryRemoveFieldResponse):
        """The field is not there any more, or never was."""

    class Error(CacheDictionaryRemoveFieldResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
