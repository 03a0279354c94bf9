"""The bases of all responses."""

from __future__ import annotations

from abc import ABC
from typing import Any


def _shorten(value: object, max_length: int) -> object:
    if isinstance(value, bytes) and len(value) >= max_length:
        return value[:max_length] + b"..."
    if isinstance(value, str) and len(value) >= max_length:
        return value[:max_length] + "..."
    return value


def _render(value: object, max_value_length: int, max_collection_length: int) -> str:
    """As `repr`, with long values, and collections of many values, cut short."""
    if not isinstance(value, (list, set, dict)):
        return repr(_shorten(value, max_value_length))
    if isinstance(value, dict):
        parts = [
            f"{_shorten(key, max_value_length)!r}: {_shorten(element, max_value_length)!r}"
            for key, element in list(value.items())[:max_collection_length]
        ]
    else:
        parts = [repr(_shorten(element, max_value_length)) for element in list(value)[:max_collection_length]]
    if len(value) > max_collection_length:
        parts.append("...")
    if isinstance(value, set) and not parts:
        return "set()"
    text = ", ".join(parts)
    return f"[{text}]" if isinstance(value, list) else f"{{{text}}}"


class Response(ABC):
    """The base of all of them. Two are equal if they are of one class and hold the same."""

    def _render_as_str(self, max_value_length: int = 32, max_collection_length: int = 5) -> str:
        parts = [
            f"{name}={_render(value, max_value_length, max_collection_length)}" for name, value in vars(self).items()
        ]
        return f"{type(self).__qualname__}({', '.join(parts)})"

    def __repr__(self) -> str:
        return self._render_as_str(max_value_length=512, max_collection_length=1024)

    def __str__(self) -> str:
        return self._render_as_str()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        state: list[Any] = sorted(vars(self).items(), key=lambda item: item[0])
        return hash((type(self), *state))


class CacheResponse(Response):
    """Of the data in caches."""


class ControlResponse(Response):
    """Of caches as a whole, and of the service."""


class PubsubResponse(Response):
    """Of topics."""


class AuthResponse(Response):
    """Of tokens."""
