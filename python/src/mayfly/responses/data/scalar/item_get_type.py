"""What `item_get_type` answers."""

from abc import ABC
from dataclasses import dataclass
from enum import Enum

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class ItemType(Enum):
    """The types of items."""

    SCALAR = 0
    DICTIONARY = 1
    SET = 2
    LIST = 3
    SORTED_SET = 4


class CacheItemGetTypeResponse(CacheResponse):
    """`CacheItemGetType.Hit`, `CacheItemGetType.Miss` or `CacheItemGetType.Error`."""


class CacheItemGetType(ABC):
    """The outcomes of `item_get_type`."""

    @dataclass
    class Hit(CacheItemGetTypeResponse):
        """The item is there."""

        item_type: ItemType
        """Its type."""

    class Miss(CacheItemGetTypeResponse):
        """The item is not there."""

    class Error(CacheItemGetTypeResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
