"""gRPC metadata as a value. It lies here, under everything else, because both the errors and the middleware need it."""

from __future__ import annotations

from collections.abc import Collection, Iterator


class Metadata(Collection[tuple[str, str]]):
    """Pairs of texts in which a key may occur more than once; a key's values keep their order.

    `[key]` reads, replaces or deletes the first value of a key; to read or delete where there is none gives KeyError.
    Iteration, `len` and `==` are over all pairs, grouped by key in the order in which keys were added first. Keys are
    compared as written; gRPC's are lower case.
    """

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self._values: dict[str, list[str]] = {}
        for key, value in pairs:
            self.add(key, value)

    @classmethod
    def from_tuple(cls, raw_metadata: tuple[tuple[str, str], ...]) -> Metadata:
        """The same pairs as metadata."""
        return cls(*(raw_metadata or ()))

    def add(self, key: str, value: str) -> None:
        """Adds a value behind those that the key has."""
        self._values.setdefault(key, []).append(value)

    def get(self, key: str, default: str | None = None) -> str | None:
        """The key's first value, or `default`."""
        values = self._values.get(key)
        return values[0] if values else default

    def get_all(self, key: str) -> list[str]:
        """A copy of all values of the key; empty where there is none."""
        return list(self._values.get(key, ()))

    def set_all(self, key: str, values: list[str]) -> None:
        """Replaces all values of the key."""
        self.delete_all(key)
        if values:
            self._values[key] = list(values)

    def delete_all(self, key: str) -> None:
        """Deletes the key; nothing happens where it is absent."""
        self._values.pop(key, None)

    def keys(self) -> list[str]:
        """The key of each pair, so a key with two values is there twice."""
        return [key for key, _ in self]

    def values(self) -> list[str]:
        """The value of each pair."""
        return [value for _, value in self]

    def items(self) -> list[tuple[str, str]]:
        """All pairs."""
        return list(self)

    def __getitem__(self, key: str) -> str:
        return self._values[key][0]

    def __setitem__(self, key: str, value: str) -> None:
        self._values.setdefault(key, [value])[0] = value

    def __delitem__(self, key: str) -> None:
        values = self._values[key]
        del values[0]
        if not values:
            del self._values[key]

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for key, values in self._values.items():
            for value in values:
                yield key, value

    def __len__(self) -> int:
        return sum(map(len, self._values.values()))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Metadata):
            return self._values == other._values
        if isinstance(other, tuple):
            return tuple(self) == other
        return NotImplemented

    def __add__(self, other: Metadata | tuple[tuple[str, str], ...]) -> Metadata:
        return Metadata(*self, *other)

    def __repr__(self) -> str:
        return f"Metadata({', '.join(map(repr, self))})"
