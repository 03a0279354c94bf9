"""What `list_fetch` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, ValueListStringMixin
from ...response import CacheResponse


class CacheListFetchResponse(CacheResponse):
    """`CacheListFetch.Hit`, `CacheListFetch.Miss` or `CacheListFetch.Error`."""


class CacheListFetch(ABC):
    """The outcomes of `list_fetch`."""

    @dataclass
    class Hit(CacheListFetchResponse, ValueListStringMixin):
        """The list is there."""

        value_list_bytes: list[bytes]
        """Its values; `value_list_string` reads them as UTF-8."""

    class Miss(CacheListFetchResponse):
        """The list is not there."""

    class Error(CacheListFetchResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
