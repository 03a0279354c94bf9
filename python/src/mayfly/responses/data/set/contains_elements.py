"""What `set_contains_elements` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheSetContainsElementsResponse(CacheResponse):
    """`CacheSetContainsElements.Hit`, `CacheSetContainsElements.Miss` or `CacheSetContainsElements.Error`."""


class CacheSetContainsElements(ABC):
    """The outcomes of `set_contains_elements`."""

    @dataclass
    class Hit(CacheSetContainsElementsResponse):
        """The set is there."""

        contains: list[bool]
        """Whether each element is in it, in the order of the request."""
        elements: list[bytes]
        """The elements, in the same order."""

        @property
        def contains_elements_bytes(self) -> dict[bytes, bool]:
            """Whether each element is in it."""
            return dict(zip(self.elements, self.contains))

        @property
        def contains_elements(self) -> dict[str, bool]:
            """The same with the elements read as UTF-8."""
            return {element.decode("utf-8"): is_in for element, is_in in zip(self.elements, self.contains)}

    class Miss(CacheSetContainsElementsResponse):
        """The set is not there."""

    class Error(CacheSetContainsElementsResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
