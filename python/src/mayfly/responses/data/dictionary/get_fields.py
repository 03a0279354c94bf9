"""What `dictionary_get_fields` answers."""

from abc import ABC
from collections.abc import Iterator
from dataclasses import dataclass

from ...mixins import ErrorResponseMixin, ValueDictionaryMixin
from ...response import CacheResponse
from .get_field import CacheDictionaryGetField, CacheDictionaryGetFieldResponse


class CacheDictionaryGetFieldsResponse(CacheResponse):
    """`CacheDictionaryGetFields.Hit`, `CacheDictionaryGetFields.Miss` or `CacheDictionaryGetFields.Error`."""


class CacheDictionaryGetFields(ABC):
    """The outcomes of `dictionary_get_fields`."""

    @dataclass
    class Hit(CacheDictionaryGetFieldsResponse, ValueDictionaryMixin):
        """The dictionary is there."""

        responses: list[CacheDictionaryGetFieldResponse]
        """Each field's answer, in the order of the request."""

        def _pairs(self) -> Iterator[tuple[bytes, bytes]]:
            for response in self.responses:
                if isinstance(response, CacheDictionaryGetField.Hit):
                    yield response.field_bytes, response.value_bytes

    class Miss(CacheDictionaryGetFieldsResponse):
        """The dictionary is not there."""

    class Error(CacheDictionaryGetFieldsResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
