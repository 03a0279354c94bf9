"""What `item_get_ttl` answers."""

from abc import ABC
from dataclasses import dataclass
from datetime import timedelta

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheItemGetTtlResponse(CacheResponse):
    """`CacheItemGetTtl.Hit`, `CacheItemGetTtl.Miss` or `CacheItemGetTtl.Error`."""


class CacheItemGetTtl(ABC):
    """The outcomes of `item_get_ttl`."""

    @dataclass
    class Hit(CacheItemGetTtlResponse):
        """The item is there."""

        remaining_ttl_millis: int
        """What is left of its time to live, in milliseconds."""

        @property
        def remaining_ttl(self) -> timedelta:
            """What is left of its time to live."""
            return timedelta(milliseconds=self.remaining_ttl_millis)

    class Miss(CacheItemGetTtlResponse):
        """The item is not there."""

    class Error(CacheItemGetTtlResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
