"""What `set_pop` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, ValueListSetMixin
from ...response import CacheResponse


class CacheSetPopResponse(CacheResponse):
    """`CacheSetPop.Hit`, `CacheSetPop.Miss` or `CacheSetPop.Error`."""


class CacheSetPop(ABC):
    """The outcomes of `set_pop`."""

    @dataclass
    class Hit(CacheSetPopResponse, ValueListSetMixin):
        """Elements are taken out."""

        value_list_bytes: list[bytes]
        """Those elements."""

    class Miss(CacheSetPopResponse):
        """The set is not there."""

    class Error(CacheSetPopResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
