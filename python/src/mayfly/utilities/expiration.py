"""When a token expires."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Optional


class Expiration:
    """A time of expiry, which may be never."""

    def __init__(self, does_expire: bool) -> None:
        self._does_expire = does_expire

    def does_expire(self) -> bool:
        """Whether there is such a time."""
        return self._does_expire

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))


class ExpiresIn(Expiration):
    """A time from now, in seconds; infinity and None are never."""

    def __init__(self, valid_for: Optional[float] = math.inf) -> None:
        self._valid_for = math.inf if valid_for is None else valid_for
        super().__init__(self._valid_for != math.inf)

    def valid_for_seconds(self) -> int:
        """The time in whole seconds, rounded towards zero. OverflowError where it is never."""
        return int(self._valid_for)

    @staticmethod
    def never() -> ExpiresIn:
        """No expiry."""
        return ExpiresIn(math.inf)

    @staticmethod
    def seconds(valid_for_seconds: int) -> ExpiresIn:
        """Seconds from now."""
        return ExpiresIn(valid_for_seconds)

    @staticmethod
    def minutes(valid_for_minutes: int) -> ExpiresIn:
        """Minutes from now."""
        return ExpiresIn(valid_for_minutes * 60)

    @staticmethod
    def hours(valid_for_hours: int) -> ExpiresIn:
        """Hours from now."""
        return ExpiresIn(valid_for_hours * 3600)

    @staticmethod
    def days(valid_for_days: int) -> ExpiresIn:
        """Days of 24 hours from now."""
        return ExpiresIn(valid_for_days * 86400)

    @staticmethod
    def epoch(expires_by: int) -> ExpiresIn:
        """At a Unix time in seconds."""
        return ExpiresIn(expires_by - int(datetime.now().timestamp()))

    def __repr__(self) -> str:
        return f"ExpiresIn({self._valid_for!r})"


class ExpiresAt(Expiration):
    """A Unix time in seconds; None and 0 are never."""

    def __init__(self, epoch_timestamp: Optional[float] = None) -> None:
        self._expires_at = epoch_timestamp or math.inf
        super().__init__(bool(epoch_timestamp))

    def epoch(self) -> int:
        """The time in whole seconds, rounded towards zero. OverflowError where it is never."""
        return int(self._expires_at)

    @staticmethod
    def from_epoch(epoch: Optional[int] = None) -> ExpiresAt:
        """The same as the constructor."""
        return ExpiresAt(epoch)

    def __repr__(self) -> str:
        return f"ExpiresAt({self._expires_at if self._does_expire else None!r})"
