"""What `key_exists` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheKeyExistsResponse(CacheResponse):
    """`CacheKeyExists.Success` or `CacheKeyExists.Error`."""


class CacheKeyExists(ABC):
    """The outcomes of `key_exists`."""

    @dataclass
    class Success(CacheKeyExistsResponse):
        """The key was looked up."""

        exists: bool
        """Whether it is there."""

    class Error(CacheKeyExistsResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
