"""What `list_caches` answers."""

from abc import ABC
from dataclasses import dataclass
from typing import List

from ...mixins import ErrorResponseMixin
from ...response import ControlResponse


@dataclass
class CacheInfo:
    """A cache."""

    name: str


class ListCachesResponse(ControlResponse):
    """`ListCaches.Success` or `ListCaches.Error`."""


class ListCaches(ABC):
    """The outcomes of `list_caches`."""

    @dataclass
    class Success(ListCachesResponse):
        """The caches are listed."""

        caches: List[CacheInfo]
        """All of them."""

    class Error(ListCachesResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
