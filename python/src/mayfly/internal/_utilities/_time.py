"""Times as the protocol has them."""

from datetime import timedelta


def _timedelta_to_ms(delta: timedelta) -> int:
    """Whole milliseconds, rounded towards zero."""
    return int(delta.total_seconds() * 1000)
