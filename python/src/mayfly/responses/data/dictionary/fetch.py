"""What `dictionary_fetch` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheDictionaryFetchResponse(CacheResponse):
    """`CacheDictionaryFetch.Hit`, `CacheDictionaryFetch.Miss` or `CacheDictionaryFetch.Error`."""


class CacheDictionaryFetch(ABC):
    """The outcomes of `dictionary_fetch`."""

    @dataclass
    class Hit(CacheDictionaryFetchResponse):
        """The dictionary is there."""

        value_dictionary_bytes_bytes: dict[bytes, bytes]
        """Its fields and values."""

        @property
        def value_dictionary_string_bytes(self) -> dict[str, bytes]:
            """The same with the fields read as UTF-8."""
            return {field.decode("utf-8"): value for field, value in self.value_dictionary_bytes_bytes.items()}

        @property
        def value_dictionary_string_string(self) -> dict[str, str]:
            """The same with fields and values read as UTF-8."""
            return {
                field.decode("utf-8"): value.decode("utf-8")
                for field, value in self.value_dictionary_bytes_bytes.items()
            }

    class Miss(CacheDictionaryFetchResponse):
        """The dictionary is not there."""

    class Error(CacheDictionaryFetchResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
