"""What `keys_exist` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin
from ...response import CacheResponse


class CacheKeysExistResponse(CacheResponse):
    """`CacheKeysExist.Success` or `CacheKeysExist.Error`."""


class CacheKeysExist(ABC):
    """The outcomes of `keys_exist`."""

    @dataclass
    class Success(CacheKeysExistResponse):
        """The keys were looked up."""

        exists: list[bool]
        """Whether each is there, in the order of the request."""
        keys: list[bytes]
        """The keys, in the same order."""

        @property
        def value_dictionary_bytes(self) -> dict[bytes, bool]:
            """Whether each key is there."""
            return dict(zip(self.keys, self.exists))

        @property
        def value_dictionary_string(self) -> dict[str, bool]:
            """The same with the keys read as UTF-8."""
            return {key.decode("utf-8"): exists for key, exists in zip(self.keys, self.exists)}

    class Error(CacheKeysExistResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
