"""Checks of arguments. InvalidArgumentException, or ValueError where it says so, tells what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Optional

from mayfly.errors import InvalidArgumentException
from mayfly.internal.services import Service
from mayfly.typing import TDictionaryItems
from mayfly.utilities import ExpiresIn


def _validate_name(name: str, field_name: str, service: Service) -> None:
    if not isinstance(name, str):
        raise InvalidArgumentException(f"{field_name} must be a string", service)
    if name == "":
        raise InvalidArgumentException(f"{field_name} must not be empty", service)


def _validate_cache_name(cache_name: str) -> None:
    _validate_name(cache_name, "Cache name", Service.CACHE)


def _validate_topic_name(topic_name: str) -> None:
    _validate_name(topic_name, "Topic name", Service.TOPICS)


def _as_bytes(
    data: str | bytes, error_message: Optional[str] = "Could not convert the given type to bytes: "
) -> bytes:
    """A text as UTF-8, bytes as they are."""
    if isinstance(data, str):
        return data.encode("utf-8")
    if isinstance(data, bytes):
        return data
    raise InvalidArgumentException(f"{error_message}{type(data)}", Service.CACHE)


def _gen_dictionary_items_as_bytes(
    items: TDictionaryItems, error_message: str = "The given type is not a valid Mapping: "
) -> Iterator[tuple[bytes, bytes]]:
    """The fields and values of a dictionary, as bytes."""
    if not isinstance(items, Mapping):
        raise InvalidArgumentException(f"{error_message}{type(items)}", Service.CACHE)
    for field, value in items.items():
        yield _as_bytes(field), _as_bytes(value)


def _validate_timedelta_ttl(ttl: timedelta, field_name: str) -> None:
    if not isinstance(ttl, timedelta):
        raise InvalidArgumentException(f"{field_name} must be a timedelta.", Service.CACHE)
    if ttl.total_seconds() <= 0:
        raise InvalidArgumentException(f"{field_name} must be a positive amount of time.", Service.CACHE)


def _validate_ttl(ttl: Optional[timedelta]) -> None:
    if ttl is not None:
        _validate_timedelta_ttl(ttl, "TTL")


def _validate_request_timeout(request_timeout: Optional[timedelta]) -> None:
    if request_timeout is not None:
        _validate_timedelta_ttl(request_timeout, "Request timeout")


def _validate_eager_connection_timeout(timeout: timedelta) -> None:
    """ValueError for a negative one."""
    if timeout.total_seconds() < 0:
        raise ValueError("The eager connection timeout must be greater than or equal to 0 seconds.")


def _validate_disposable_token_expiry(expires_in: ExpiresIn) -> None:
    """ValueError for one that never comes or is in the past."""
    if not expires_in.does_expire():
        raise ValueError("Disposable tokens must have an expiry")
    if expires_in.valid_for_seconds() < 0:
        raise ValueError("Disposable token expiry must be positive")
