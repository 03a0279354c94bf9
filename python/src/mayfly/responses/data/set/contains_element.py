"""What `set_contains_element` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetContainsElementResponse(CacheResponse):
    """`CacheSetContainsElement.Hit`, `CacheSetContainsElement.Miss` or `CacheSetContainsElement.Error`."""


class CacheSetContainsElement(ABC):
    """The outcomes of `set_contains_element`."""

    @dataclass
    class Hit(CacheSetContainsElementResponse):
        """The set is there."""

        contains_element: bool
        """Whether the element is in it."""

    class Miss(CacheSetContainsElementResponse):
        """The set is not there."""

    class Error(CacheSetContainsElementResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
