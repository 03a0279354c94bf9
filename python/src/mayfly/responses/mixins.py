"""Properties that several responses have."""

from __future__ import annotations

from collections.abc import Iterator

from mayfly.errors import MomentoErrorCode, SdkException


class ValueStringMixin:
    """Reads `value_bytes` as text."""

    value_bytes: bytes

    @property
    def value_string(self) -> str:
        """`value_bytes` read as UTF-8. UnicodeDecodeError where it is none."""
        return self.value_bytes.decode("utf-8")


class HashStringMixin:
    """Reads `hash_bytes` as text."""

    hash_bytes: bytes

    @property
    def hash_string(self) -> str:
        """`hash_bytes` read as UTF-8. UnicodeDecodeError where it is none."""
        return self.hash_bytes.decode("utf-8")


class ValueListStringMixin:
    """Reads `value_list_bytes` as texts."""

    value_list_bytes: list[bytes]

    @property
    def value_list_string(self) -> list[str]:
        """`value_list_bytes` read as UTF-8. UnicodeDecodeError where one is none."""
        return [value.decode("utf-8") for value in self.value_list_bytes]


class ValueListSetMixin(ValueListStringMixin):
    """Gives `value_list_bytes` as a set too."""

    @property
    def value_set_bytes(self) -> set[bytes]:
        """The values as a set."""
        return set(self.value_list_bytes)

    @property
    def value_set_string(self) -> set[str]:
        """The values as a set, read as UTF-8."""
        return set(self.value_list_string)


class ValueDictionaryMixin:
    """Gives what was found as a dictionary."""

    def _pairs(self) -> Iterator[tuple[bytes, bytes]]:
        raise NotImplementedError

    @property
    def value_dictionary_bytes_bytes(self) -> dict[bytes, bytes]:
        """What was found. What was not is left out."""
        return dict(self._pairs())

    @property
    def value_dictionary_bytes_string(self) -> dict[bytes, str]:
        """The same with the values read as UTF-8."""
        return {key: value.decode("utf-8") for key, value in self._pairs()}

    @property
    def value_dictionary_string_bytes(self) -> dict[str, bytes]:
        """The same with the keys read as UTF-8."""
        return {key.decode("utf-8"): value for key, value in self._pairs()}

    @property
    def value_dictionary_string_string(self) -> dict[str, str]:
        """The same with both read as UTF-8."""
        return {key.decode("utf-8"): value.decode("utf-8") for key, value in self._pairs()}


class ErrorResponseMixin:
    """What every `Error` has."""

    _error: SdkException

    def __init__(self, _error: SdkException):
        self._error = _error

    @property
    def inner_exception(self) -> SdkException:
        """The exception, for those who would rather raise it."""
        return self._error

    @property
    def error_code(self) -> MomentoErrorCode:
        """The kind of error."""
        return self._error.error_code

    @property
    def message(self) -> str:
        """What such errors mean, and what happened."""
        return f"{self._error.message_wrapper}: {self._error.message}"

    def __str__(self) -> str:
        return f"{type(self).__qualname__} {self.error_code}: {self.message}"
