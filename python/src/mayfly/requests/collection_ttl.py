"""The time to live of collections."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Optional

from mayfly.internal._utilities import _validate_timedelta_ttl


@dataclass
class CollectionTtl:
    """How a write to a dictionary, list, set or sorted set treats the collection's time to live.

    Raises:
        InvalidArgumentException: the TTL is not a positive timedelta.
    """

    ttl: Optional[timedelta] = None
    """The time to live; None for the client's default."""
    refresh_ttl: bool = True
    """True: every write starts the TTL anew. False: only the write that creates the collection sets it."""

    def __post_init__(self) -> None:
        if self.ttl is not None:
            _validate_timedelta_ttl(self.ttl, "ttl")

    @staticmethod
    def from_cache_ttl() -> CollectionTtl:
        """The client's default TTL, started anew by every write."""
        return CollectionTtl()

    @staticmethod
    def of(ttl: timedelta) -> CollectionTtl:
        """This TTL, started anew by every write."""
        return CollectionTtl(ttl)

    @staticmethod
    def refresh_ttl_if_provided(ttl: Optional[timedelta] = None) -> CollectionTtl:
        """This TTL, started anew by every write; without one, the default that writes do not touch."""
        return CollectionTtl(ttl, refresh_ttl=ttl is not None)

    def with_refresh_ttl_on_updates(self) -> CollectionTtl:
        """A copy that every write starts anew."""
        return CollectionTtl(self.ttl, refresh_ttl=True)

    def with_no_refresh_ttl_on_updates(self) -> CollectionTtl:
        """A copy that only the creating write sets."""
        return CollectionTtl(self.ttl, refresh_ttl=False)
