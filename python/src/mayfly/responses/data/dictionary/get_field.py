"""What `dictionary_get_field` answers."""

from abc import ABC
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, ValueStringMixin
from ...response import CacheResponse


class CacheDictionaryGetFieldResponse(CacheResponse):
    """`CacheDictionaryGetField.Hit`, `CacheDictionaryGetField.Miss` or `CacheDictionaryGetField.Error`."""


class CacheDictionaryGetField(ABC):
    """The outcomes of `dictionary_get_field`."""

    @dataclass
    class Hit(CacheDictionaryGetFieldResponse, ValueStringMixin):
        """The field is there."""

        value_bytes: bytes
        """Its value; `value_string` reads it as UTF-8."""
        field_bytes: bytes
        """The field; `field_string` reads it as UTF-8."""

        @property
        def field_string(self) -> str:
            """The field, read as UTF-8."""
            return self.field_bytes.decode("utf-8")

    class Miss(CacheDictionaryGetFieldResponse):
        """The dictionary or the field is not there."""

    class Error(CacheDictionaryGetFieldResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
