"""What `set_fetch` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetFetchResponse(CacheResponse):
    """`CacheSetFetch.Hit`, `CacheSetFetch.Miss` or `CacheSetFetch.Error`."""


class CacheSetFetch(ABC):
    """The outcomes of `set_fetch`."""

    @dataclass
    class Hit(CacheSetFetchResponse):
        """The set is there."""

        value_set_bytes: set[bytes]
        """Its elements."""

        @property
        def value_set_string(self) -> set[str]:
            """Its elements, read as UTF-8."""
            return {value.decode("utf-8") for value in self.value_set_bytes}

    class Miss(CacheSetFetchResponse):
        """The set is not there."""

    class Error(CacheSetFetchResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
