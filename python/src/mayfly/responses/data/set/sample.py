"""What `set_sample` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, ValueListSetMixin
from ...response import CacheResponse


class CacheSetSampleResponse(CacheResponse):
    """`CacheSetSample.Hit`, `CacheSetSample.Miss` or `CacheSetSample.Error`."""


class CacheSetSample(ABC):
    """The outcomes of `set_sample`."""

    @dataclass
    class Hit(CacheSetSampleResponse, ValueListSetMixin):
        """The set is there."""

        value_list_bytes: list[bytes]
        """Elements of it, at random."""

    class Miss(CacheSetSampleResponse):
        """The set is not there."""

    class Error(CacheSetSampleResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
